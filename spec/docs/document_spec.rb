# frozen_string_literal: true

require "docs/support/document"

# The specs of the documents stand on this.
RSpec.describe Docs::Document do
  def document(text)
    described_class.new("page.md", text: text)
  end

  let(:text) { <<~MARKDOWN }
    # A page

    ```ruby
    # app/models/post.rb
    class Post; end
    ```

    ## Below

    Words with `code`.

    <!-- not run: it would never end -->
    ```sh
    sleep infinity
    ```

    ```json
    {}
    ```

    ```
    a drawing
    ```
  MARKDOWN

  it "finds blocks with their language, section, line and file" do
    blocks = document(text).blocks
    expect(blocks.map(&:language)).to eq ["ruby", "sh", "json", ""]
    expect(blocks.first).to have_attributes(section: "A page", line: 3, path: "app/models/post.rb", excuse: nil,
                                            code: "# app/models/post.rb\nclass Post; end\n")
    expect(blocks[1]).to have_attributes(section: "Below", path: nil, excuse: "it would never end")
  end

  it "forgets none that is to be run, was not run and gives no reason" do
    page = document(text)
    expect(page.forgotten).to eq [page.blocks.first]
    page.blocks.first.run!
    expect(page.forgotten).to eq []
  end

  it "knows languages that nobody runs from those that only show something" do
    expect(document(text).unknown).to eq []
    page = document("```js\nalert(1)\n```\n")
    expect(page.unknown).to eq page.blocks
  end

  it "finds a block by what is in it, if it is the only one" do
    page = document(text)
    expect(page.block("class Post", section: "A page")).to be page.blocks.first
    expect { page.block("class Post", section: "Below") }.to raise_error(ArgumentError, /\A0 blocks/)
    expect { page.block("") }.to raise_error(ArgumentError, /\A4 blocks/)
  end

  it "refuses a marker without a reason, a marker of nothing and a block without an end" do
    unreadable = described_class::Unreadable
    expect { document("<!-- not run: -->\n```sh\nls\n```\n") }.to raise_error(unreadable, /no reason/)
    expect { document("<!-- not run: why -->\n\n```sh\nls\n```\n") }.to raise_error(unreadable, /a marker stands above no block/)
    expect { document("<!-- not run: why -->\n") }.to raise_error(unreadable, /a marker stands above no block/)
    expect { document("```sh\nls\n") }.to raise_error(unreadable, /a block has no end/)
    expect { document("```sh\nls\n```\n```") }.to raise_error(unreadable, /a block has no end/)
  end

  it "reads tables, links and headings" do
    page = document("# On *this*, and `that`\n\n| name | x |\n|---|---|\n| `a` | 1 |\n\n[there](docs/x.md#y) and [out](https://x.example)\n")
    expect(page.rows("name")).to eq [%w[`a` 1]]
    expect(page.links).to eq ["docs/x.md#y"]
    expect(page.anchors).to eq ["on-this-and-that"]
  end
end

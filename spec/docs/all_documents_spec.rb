# frozen_string_literal: true

require "docs/support/document"

RSpec.describe "Every document" do
  Docs::Document.paths.each do |path|
    describe path do
      let(:document) { Docs::Document.new(path) }

      it "has blocks of languages that are run, or known to only show something" do
        expect(document.unknown).to eq []
      end

      it "has a spec that runs its blocks" do
        next if document.forgotten.empty?

        spec = File.read(File.join(__dir__, "#{File.basename(path, ".md").downcase}_spec.rb"))
        expect(spec).to match(/^  reads #{Regexp.escape(path.inspect)}$/).and match(/^    runs_every_block$/)
      end

      it "has links that lead somewhere" do
        document.links.each do |link|
          file, anchor = link.split("#", 2)
          target = file.empty? ? path : File.join(File.dirname(path), file)
          expect(File).to exist(File.join(Docs::ROOT, target)), "#{link} leads to no file"
          next if anchor.nil?

          expect(Docs::Document.new(target.delete_prefix("./")).anchors).to include(anchor), "#{link} leads to no heading"
        end
      end
    end
  end
end

# frozen_string_literal: true

require "English"
require "json"
require "rbconfig"
require_relative "eventually"

# A Ruby process of its own that does what it is told, line by line: for forks, for Rails apps, for whatever should not happen to
# the process of the examples.
class RubyProcess
  LIB = File.expand_path("../../lib", __dir__)
  # Answers are told from what an app prints by this mark.
  MARK = "\u0001"
  LOOP = <<~RUBY.freeze
    require "json"
    $stdout.sync = true
    while (line = $stdin.gets)
      answer =
        begin
          { value: TOPLEVEL_BINDING.eval(JSON.parse(line, quirks_mode: true)) }
        rescue Exception => e
          { error: "\#{e.class}: \#{e.message}" }
        end
      puts "#{MARK}\#{JSON.generate(answer)}"
    end
  RUBY

  # @param libraries [Array<String>] what to require first
  # @yieldparam process [RubyProcess] which ends with the block
  def self.start(*libraries, environment: {}, chdir: Dir.pwd)
    process = new(*libraries, environment:, chdir:)
    return process unless block_given?

    begin
      yield process
    ensure
      process.stop
    end
  end

  def initialize(*libraries, environment: {}, chdir: Dir.pwd)
    command = [RbConfig.ruby, "-I#{LIB}", *libraries.map { |library| "-r#{library}" }, "-e", LOOP]
    @io = IO.popen([environment, *command, { chdir: }], "r+", err: %i[child out])
    @printed = +""
    # One thread may ask while another ends the process.
    @writing = Mutex.new
  end

  def pid
    @io.pid
  end

  # @param code [String] Ruby; its local variables stay for the next call
  # @return [Object] what it gave, as JSON has it
  # @raise [RuntimeError] with what it raised
  def eval(code, within: 30)
    @writing.synchronize { @io.puts(JSON.generate(code)) }
    answer = JSON.parse(next_answer(Deadline.new(within)))
    raise answer["error"] if answer.key?("error")

    answer["value"]
  end

  # @return [Process::Status]
  def stop
    return @status if @status

    @writing.synchronize { @io.close_write }
    deadline = Deadline.new
    until Process.wait(pid, Process::WNOHANG)
      Process.kill(:KILL, pid) if deadline.passed?
      sleep Eventually::POLL_SECONDS
    end
    @status = $CHILD_STATUS
  end

  private

  def next_answer(deadline)
    loop do
      deadline.wait_readable(@io, "an answer of the process (#{@printed})")
      line = @io.gets or raise "the process has ended: #{@printed}"
      return line.delete_prefix(MARK) if line.start_with?(MARK)

      @printed << line
    end
  end
end

# frozen_string_literal: true

require "rbconfig"

desc "Build the native library into lib/atr"
task :compile do
  # Cargo is always called: it knows best what is out of date, in any crate of the workspace.
  command = %w[cargo rustc --lib --release --locked --manifest-path ext/atr/Cargo.toml]
  # On macOS the symbols of Ruby are only found when the library is loaded into one.
  command += %w[-- -C link-arg=-Wl,-undefined,dynamic_lookup] if RbConfig::CONFIG["host_os"].include?("darwin")
  # So that the library is built for the Ruby that runs this task, not for the first one in PATH.
  sh({ "RUBY" => RbConfig.ruby }, *command)

  built = File.join(ENV.fetch("CARGO_TARGET_DIR", "target"), "release", "libatr.#{RbConfig::CONFIG["SOEXT"]}")
  library = "lib/atr/atr.#{RbConfig::CONFIG["DLEXT"]}"
  unless File.exist?(library) && FileUtils.identical?(built, library)
    # Renamed into place: a process that has the old library mapped keeps its own copy of it.
    cp built, "#{library}.new", verbose: false
    mv "#{library}.new", library, verbose: false
    puts "#{library} is new"
  end
end

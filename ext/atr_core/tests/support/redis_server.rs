//! A real redis-server of one test, on a free port and in a directory of its own.

use super::PATIENCE;
use redis::{Client, Connection, FromRedisValue};
use rustix::process::{Pid, Signal, kill_process};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub struct RedisServer {
    child: Option<Child>,
    port: u16,
    arguments: Vec<String>,
    directory: TempDir,
}

impl RedisServer {
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts one with further arguments of redis-server's.
    pub fn start_with(arguments: &[&str]) -> Self {
        let mut server = Self::absent(arguments);
        server.restart();
        server
    }

    /// A server that is not started yet; its address is known.
    pub fn absent(arguments: &[&str]) -> Self {
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Self { child: None, port, arguments, directory: tempfile::tempdir().unwrap() }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// The same with a user and a password in it.
    pub fn url_as(&self, user: &str, password: &str) -> String {
        format!("redis://{user}:{password}@127.0.0.1:{}", self.port)
    }

    /// Makes a user that may run all commands, with these further rules, and gives the URL with it.
    pub fn url_of_user(&self, rules: &[&str]) -> String {
        let user = ["ACL", "SETUSER", "app", "on", ">geheim", "+@all"];
        self.query::<()>(&[&user[..], rules].concat());
        self.url_as("app", "geheim")
    }

    pub fn unix_path(&self) -> String {
        self.directory.path().join("redis.sock").display().to_string()
    }

    /// Starts it with other arguments of redis-server's than before.
    pub fn restart_with(&mut self, arguments: &[&str]) {
        self.set_arguments(arguments);
        self.restart();
    }

    /// For the next start.
    pub fn set_arguments(&mut self, arguments: &[&str]) {
        self.arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
    }

    /// Starts it (again, on the same port) and waits until it answers.
    pub fn restart(&mut self) {
        self.spawn();
        let deadline = Instant::now() + PATIENCE;
        while !self.is_up() {
            assert!(Instant::now() < deadline, "redis-server does not come up");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Starts it and does not wait.
    pub fn spawn(&mut self) {
        // Another version, or Valkey.
        let program = std::env::var("ATR_TEST_REDIS_SERVER").unwrap_or_else(|_| "redis-server".into());
        let child = Command::new(program)
            .args([
                "--port",
                &self.port.to_string(),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
            ])
            .args(["--unixsocket", &self.unix_path(), "--dir"])
            .arg(self.directory.path())
            .args(&self.arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("redis-server can be started (Debian: apt-get install redis-server)");
        self.child = Some(child);
    }

    fn is_up(&self) -> bool {
        let Ok(mut connection) = Client::open(self.url()).unwrap().get_connection() else { return false };
        let answer = redis::cmd("PING").query::<redis::Value>(&mut connection);
        // One that asks for a password is up, too.
        answer.is_ok() || answer.is_err_and(|error| error.code() == Some("NOAUTH"))
    }

    /// As `kill -9` does it: no goodbye.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// It cannot save its data any more.
    pub fn lose_directory(&self) {
        std::fs::remove_dir_all(self.directory.path()).unwrap();
    }

    /// It keeps its sockets and answers nothing, as on a machine that hangs.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// Ends a pause.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let pid = self.child.as_ref().expect("it runs").id();
        kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), signal).unwrap();
    }

    pub fn connect(&self) -> Connection {
        Client::open(self.url()).unwrap().get_connection().unwrap()
    }

    /// Runs a command on a new connection.
    pub fn query<T: FromRedisValue>(&self, command: &[&str]) -> T {
        redis::cmd(command[0]).arg(&command[1..]).query(&mut self.connect()).unwrap()
    }

    /// The log of a scope: offset, event id and JSON of each entry.
    pub fn log(&self, scope: &str) -> Vec<(u64, String, String)> {
        let key = format!("atr:{{{scope}}}:log");
        let entries: Vec<(String, Vec<String>)> = self.query(&["XRANGE", &key, "-", "+"]);
        let read = |(id, fields): (String, Vec<String>)| {
            (id.trim_end_matches("-0").parse().unwrap(), fields[1].clone(), fields[7].clone())
        };
        entries.into_iter().map(read).collect()
    }

    /// Publishes; answers how many connections got it.
    pub fn publish(&self, channel: &str, message: &str) -> usize {
        self.query(&["PUBLISH", channel, message])
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

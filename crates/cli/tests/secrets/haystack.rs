//! Everything that DevArch wrote and printed, and a search for secrets in it.

use crate::common::{Ran, Sandbox};
use base64::Engine as _;
use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// Content by place.
#[derive(Default)]
pub(crate) struct Haystack {
    places: BTreeMap<String, Vec<u8>>,
}

impl Haystack {
    /// Adds the content of a place.
    pub(crate) fn add(&mut self, place: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.places.entry(place.into()).or_default().extend(bytes.into());
    }

    /// Adds a command's output.
    pub(crate) fn ran(&mut self, args: &[&str], ran: &Ran) {
        self.add(format!("stdout of {}", args.join(" ")), ran.stdout.as_bytes());
        self.add(format!("stderr of {}", args.join(" ")), ran.stderr.as_bytes());
    }

    /// Adds every file below a directory, except those in `but`.
    pub(crate) fn files(&mut self, directory: &Path, but: &[&Path]) {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let path = entry.path();
            if but.contains(&path.as_path()) {
                continue;
            }
            if path.is_dir() {
                self.files(&path, but);
            } else if let Ok(bytes) = fs::read(&path) {
                self.add(format!("file {}", path.display()), bytes);
            }
        }
    }

    /// Lists the places of secrets in any encoding; prints how much was searched.
    pub(crate) fn search(&self, secrets: &BTreeMap<String, String>) -> Vec<String> {
        let mut found = Vec::new();
        for (name, secret) in secrets {
            for (form, needle) in forms(secret) {
                for (place, bytes) in &self.places {
                    if bytes.windows(needle.len()).any(|window| window == needle.as_bytes()) {
                        found.push(format!("{name} ({form}) is in {place}"));
                    }
                }
            }
        }
        let bytes: usize = self.places.values().map(Vec::len).sum();
        println!("searched {} places, {bytes} bytes, for {} secrets", self.places.len(), secrets.len());
        found
    }
}

/// The encodings of a secret.
fn forms(secret: &str) -> BTreeMap<&'static str, String> {
    let hex = |upper: bool| {
        secret.bytes().fold(String::new(), |all, byte| {
            all + &if upper { format!("{byte:02X}") } else { format!("{byte:02x}") }
        })
    };
    let percent = |all: String, c: char| {
        let mut buffer = [0; 4];
        if c.is_ascii_alphanumeric() || "-._~".contains(c) {
            all + &c.to_string()
        } else {
            c.encode_utf8(&mut buffer).bytes().fold(all, |all, byte| all + &format!("%{byte:02X}"))
        }
    };
    let json = serde_json::to_string(secret).unwrap();
    // The last characters depend on the text that follows.
    let base64 = base64::engine::general_purpose::STANDARD.encode(secret);
    let base64 = base64.trim_end_matches('=');
    BTreeMap::from([
        ("raw", secret.to_owned()),
        ("hex", hex(false)),
        ("upper-case hex", hex(true)),
        ("URL-encoded", secret.chars().fold(String::new(), percent)),
        ("JSON-escaped", json[1..json.len() - 1].to_owned()),
        ("base64", base64[..base64.len() - 1].to_owned()),
    ])
}

/// Records the command lines and environments of the program's processes.
pub(crate) struct Spy {
    seen: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    over: Arc<AtomicBool>,
    looking: JoinHandle<()>,
}

impl Spy {
    /// Starts to watch processes with the sandbox's home in their environment.
    pub(crate) fn on(sandbox: &Sandbox) -> Self {
        let seen: Arc<Mutex<BTreeMap<String, Vec<u8>>>> = Arc::default();
        let over = Arc::new(AtomicBool::new(false));
        let home = sandbox.home().display().to_string();
        let (to, until) = (Arc::clone(&seen), Arc::clone(&over));
        let looking = thread::spawn(move || {
            while !until.load(Ordering::Relaxed) {
                look(&home, &mut to.lock().unwrap());
                thread::sleep(Duration::from_millis(5));
            }
        });
        Self { seen, over, looking }
    }

    /// Stops, and adds everything recorded to the haystack.
    pub(crate) fn end(self, haystack: &mut Haystack) -> usize {
        self.over.store(true, Ordering::Relaxed);
        self.looking.join().unwrap();
        let seen = self.seen.lock().unwrap();
        seen.iter().for_each(|(place, bytes)| haystack.add(place, bytes.clone()));
        seen.len()
    }
}

fn look(home: &str, seen: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let read = |file: &str| fs::read(entry.path().join(file)).unwrap_or_default();
        let environ = read("environ");
        if !environ.windows(home.len()).any(|window| window == home.as_bytes()) {
            continue;
        }
        let pid = entry.file_name().to_string_lossy().into_owned();
        seen.entry(format!("/proc/{pid}/cmdline")).or_insert_with(|| read("cmdline"));
        seen.entry(format!("/proc/{pid}/environ")).or_insert(environ);
    }
}

#[test]
fn a_secret_is_found_in_any_encoding() {
    let secret = "p\"w/ä";
    let secrets = BTreeMap::from([("X".to_owned(), secret.to_owned())]);
    for form in
        ["a p\"w/ä b", r#"{"x":"p\"w/ä"}"#, "7022772fc3a4", "7022772FC3A4", "p%22w%2F%C3%A4", "cCJ3L8Ok"]
    {
        let mut haystack = Haystack::default();
        haystack.add("place", form.as_bytes());
        assert_eq!(haystack.search(&secrets).len(), 1, "{form}");
    }
    let mut haystack = Haystack::default();
    haystack.add("place", "[REDACTED]".as_bytes());
    assert_eq!(haystack.search(&secrets), Vec::<String>::new());
}

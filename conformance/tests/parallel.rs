//! What the architecture promises about the tree, held against the tree itself.

#[path = "parallel/source.rs"]
mod source;
#[path = "parallel/twins.rs"]
mod twins;

use std::fs;
use std::path::{Path, PathBuf};

use self::source::{Function, functions};

const TWINS: [&str; 3] = ["server-threaded", "server-select", "server-async"];

#[test]
fn the_servers_main_files_differ_in_names_only() {
    let main = |twin: &str| source(&format!("{twin}/src/main.rs"));
    let code = |twin: &str| {
        let crate_name = twin.replace('-', "_");
        main(twin).lines().skip(1).collect::<Vec<_>>().join("\n").replace(&crate_name, "THIS")
    };
    assert_eq!(code(TWINS[0]), code(TWINS[1]));
    assert_eq!(code(TWINS[0]), code(TWINS[2]));
}

#[test]
fn the_servers_manifests_differ_in_one_dependency() {
    let dependencies = |twin: &str| {
        let manifest = source(&format!("{twin}/Cargo.toml"));
        let (_, rest) = manifest.split_once("[dependencies]").expect("a server has dependencies");
        let (dependencies, _) = rest.split_once("\n[").expect("its tests have some too");
        dependencies
            .lines()
            .filter(|line| line.contains('='))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let common = ["server-core.workspace = true"];
    for (twin, own) in TWINS.into_iter().zip(["rustix", "mio", "tokio"]) {
        let mut theirs = dependencies(twin);
        let before = theirs.len();
        theirs.retain(|line| !line.starts_with(own));
        assert_eq!(before, theirs.len() + 1, "{twin} depends on {own} once");
        assert_eq!(common[..], theirs, "{twin} without {own}");
    }
}

#[test]
fn the_protocol_depends_on_nom_and_bytes_only() {
    let manifest = source("protocol/Cargo.toml");
    let (_, rest) = manifest.split_once("[dependencies]").expect("it has dependencies");
    let (dependencies, _) = rest.split_once("\n[").expect("something follows them");
    let names: Vec<_> = dependencies
        .lines()
        .filter_map(|line| line.split(['.', ' ']).next())
        .filter(|name| !name.is_empty())
        .collect();
    assert_eq!(names, ["bytes", "nom"]);
}

#[test]
fn the_room_knows_no_socket_no_thread_and_no_clock() {
    let pure = ["log", "member", "flow", "names", "pacing", "write_batch", "room", "session"]
        .into_iter()
        .chain([
            "room/commands",
            "room/delivery",
            "room/end",
            "room/extensions",
            "room/lag",
            "room/outcome",
            "room/talk",
        ])
        .chain(["foreign", "log/segment", "member/overlay"])
        .chain(["session/activity", "session/deadline", "session/end"])
        .map(|name| format!("server-core/src/{name}.rs"));
    let protocol =
        names(&root().join("protocol/src")).into_iter().map(|name| format!("protocol/src/{name}"));
    for file in protocol.chain(pure) {
        let text = source(&file);
        for forbidden in
            ["TcpStream", "UdpSocket", "::thread", "::now(", "SystemTime", "Mutex", "socket::"]
        {
            assert!(!text.contains(forbidden), "{file} names {forbidden}");
        }
    }
}

#[test]
fn no_test_and_no_bench_sleeps() {
    let tests = rust_files().into_iter().filter(|path| {
        let path = path.to_string_lossy().replace('\\', "/");
        ["/tests/", "/benches/", "/tests.rs"].iter().any(|part| path.contains(part))
    });
    let this = Path::new(file!()).file_name().expect("a file has a name");
    let mut seen = 0;
    for path in tests.filter(|path| path.file_name() != Some(this)) {
        let text = fs::read_to_string(&path).expect("a file of the tree can be read");
        assert!(!text.contains("sleep("), "{} sleeps", path.display());
        seen += 1;
    }
    assert!(seen >= 5, "only {seen} test files were found: the search is wrong");
}

#[test]
fn functions_stay_under_sixty_lines() {
    let mut seen = 0;
    for path in rust_files() {
        let text = fs::read_to_string(&path).expect("a file of the tree can be read");
        for Function { name, lines, .. } in functions(&text) {
            assert!(lines < 60, "{}: fn {name} has {lines} lines", path.display());
            seen += 1;
        }
    }
    assert!(seen > 300, "only {seen} functions were found: the search is wrong");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a crate stands in a folder").into()
}

fn source(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder of the tree can be read");
    let mut names: Vec<_> = entries
        .map(|entry| {
            entry.expect("an entry can be read").file_name().to_string_lossy().into_owned()
        })
        .collect();
    names.sort();
    names
}

/// Every Rust file of the workspace, and of the fuzz targets beside it.
fn rust_files() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders: Vec<_> = ["protocol", "server-core", "client-cli", "conformance"]
        .iter()
        .chain(&TWINS)
        .map(|name| root().join(name))
        .collect();
    while let Some(folder) = folders.pop() {
        for name in names(&folder) {
            let path = folder.join(&name);
            if path.is_dir() && name != "target" {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found
}

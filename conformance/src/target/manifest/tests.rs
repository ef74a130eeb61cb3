//! A manifest is read, and its mistakes are reported.

use super::*;
use crate::spec::rules;
use crate::suite::cases::cases;

fn parse(text: &str) -> Result<Manifest, String> {
    Manifest::parse(text, Path::new("my.toml")).map_err(|error| error.to_string())
}

fn words(flags: &[&str]) -> Vec<String> {
    flags.iter().copied().map(String::from).collect()
}

#[test]
fn declared_limits_and_conventions_are_read() {
    let text = "max-message = \"64KiB\"\nmax-clients = 100\npatience = \"1s\"\n\
                slow-readers = \"drop\"\nready = \"up\"\nsignal = \"INT\"\n";
    let manifest = parse(text).unwrap();
    let declared = Declared {
        max_message: Some(65_536),
        max_clients: Some(100),
        patience: Some(Duration::from_secs(1)),
        slow_readers: Some(SlowPolicy::Keeps),
        ..Declared::default()
    };
    assert_eq!(declared, manifest.declared(&[]));
    let conventions =
        Conventions { ready: Some("up".into()), end_signal: Signal::INT, ..Conventions::default() };
    assert_eq!(&conventions, manifest.conventions());
    assert_eq!(Conventions::default(), *parse("").unwrap().conventions());
}

#[test]
fn flags_are_translated_as_the_manifest_declares() {
    let text = "[flags]\n\"--relay everyone\" = \"--echo -v\"\n\"--relay others\" = \"\"\n\
                \"--max-message\" = \"--limit={}\"\n\"--max-message 64\" = \"--tiny\"\n";
    let manifest = parse(text).unwrap();
    let translate = |flags: &[&str]| manifest.translate(&words(flags));
    assert_eq!(
        Some(["--echo", "-v", "--limit=1KiB"].map(OsString::from).to_vec()),
        translate(&["--relay", "everyone", "--max-message", "1KiB"])
    );
    assert_eq!(Some(vec!["--tiny".into()]), translate(&["--max-message", "64"]));
    assert_eq!(Some(vec![]), translate(&["--relay", "others"]));
    assert_eq!(None, translate(&["--relay", "sender"]));
    assert_eq!(None, translate(&["--relay", "others", "--max-name", "8"]));
    let declared = manifest.declared(&words(&["--max-message", "64"]));
    assert_eq!(Some(64), declared.max_message);
}

#[test]
fn mistakes_are_reported_with_file_line_and_what_to_write() {
    for (text, expected) in [
        ("\nmax-mesage = \"1KiB\"", "my.toml:2: unknown field `max-mesage`, expected one of"),
        ("max-message = 10", "my.toml:1: this is not a size: write a text such as \"64KiB\""),
        ("max-message = \"0B\"", "my.toml:1: this is not a size"),
        ("\n\npatience = \"soon\"", "my.toml:3: this is not a time: write a text such as"),
        ("max-clients = \"many\"", "my.toml:1: this is not a count: write a number such as 100"),
        ("max-clients = -1", "my.toml:1: this is not a count"),
        ("slow-readers = \"kill\"", "unknown variant `kill`, expected"),
        ("signal = \"KILL\"", "expected one of `TERM`, `INT`"),
        ("[flags]\n\"--echo\" = \"-e\"", "my.toml:2: --echo is not one of --listen, --max-clients"),
        (
            "[flags]\n\n\"--max-message\" = \"-m\"",
            "my.toml:3: --max-message takes a value: write {} in its place",
        ),
        ("[flags]\n\"--relay all\" = \"-a\"", "my.toml:2: invalid value 'all' for"),
        ("max-name = ", "my.toml:1: "),
    ] {
        let error = parse(text).unwrap_err();
        assert!(error.contains(expected), "{expected:?} is not in {error:?}");
    }
}

fn read(file: &str) -> Manifest {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests").join(file);
    Manifest::read(&path).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn our_own_manifest_declares_what_our_servers_do() {
    let ours = Declared::ours(&[], server_core::PerClient::Descriptor).unwrap();
    let declared = read("ours.toml").declared(&[]);
    // These two depend on the machine.
    assert_eq!(Declared { max_clients: None, memory: None, ..ours }, {
        Declared { max_clients: None, memory: None, ..declared }
    });
}

#[test]
fn our_own_manifest_has_words_for_all_flags_of_the_rules() {
    let ours = read("ours.toml");
    let of_conversations = rules().into_iter().flat_map(|rule| rule.conversations);
    let asked = of_conversations
        .map(|conversation| conversation.flags)
        .chain(cases().map(|case| words(case.flags)));
    for flags in asked {
        let same: Vec<OsString> = flags.iter().map(OsString::from).collect();
        assert_eq!(Some(same), ours.translate(&flags), "{flags:?}");
    }
}

#[test]
fn the_tutorials_stand_in_declares_its_policy_for_equal_names() {
    let equal_names = Some(EqualNames::Allow);
    assert_eq!(Declared { equal_names, ..Declared::default() }, read("guest.toml").declared(&[]));
}

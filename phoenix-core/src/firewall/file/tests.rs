use proptest::prelude::*;

use super::*;
use crate::diagnostic::Severity;

fn parse(text: &str, kind: FwKind) -> FwFile {
    FwFile::parse("x.fw".as_ref(), text.into(), kind).unwrap()
}

/// What is wrong with it, `line:column: message`.
fn faults(file: &FwFile) -> Vec<String> {
    file.faults()
        .iter()
        .map(|fault| fault.to_string().replacen("x.fw:", "", 1))
        .collect()
}

const CLUSTER_FILE: &str = "# by hand
[OPTIONS]

enable: 1
policy_in: drop
log_ratelimit: enable=1,rate=1/second

[ALIASES]

Office 192.0.2.0/24 # the office
gateway 2001:db8::1

[IPSET Servers] # all of them

192.0.2.10
!192.0.2.11 # not this one
dc/office

[RULES]

IN SSH(ACCEPT) -i vmbr0 -source +servers # from servers (all): yes
|OUT DROP -dest office -p udp -dport 53,8000:8010 -sport 1024:65535 -log info
GROUP web -i vmbr0
FORWARD DROP -source 192.0.2.0/24
IN ACCEPT -p icmp -dport 0
IN ACCEPT --proto icmpv6 --icmp-type echo-request

[group web]

IN HTTPS(ACCEPT)
IN ACCEPT -p tcp -dport http-alt";

#[test]
fn every_form_of_a_cluster_file_is_read() {
    let file = parse(CLUSTER_FILE, FwKind::Cluster);
    assert_eq!(faults(&file), [""; 0]);
    assert_eq!(file.to_string(), CLUSTER_FILE);
    let config = file.config();
    assert_eq!(config.options["policy_in"], "drop");
    assert_eq!(config.aliases["office"].to_string(), "192.0.2.0/24");
    assert_eq!(config.sets["servers"].len(), 3);
    assert!(config.sets["servers"][1].except);
    let rules: Vec<String> = config
        .rules
        .iter()
        .map(|rule| rule.rule.to_string())
        .collect();
    assert_eq!(
        rules,
        [
            "IN SSH(ACCEPT) -i vmbr0 -source +servers # from servers (all): yes",
            "|OUT DROP -dest office -p udp -dport 53,8000:8010 -sport 1024:65535 -log info",
            "GROUP web -i vmbr0",
            "FORWARD DROP -source 192.0.2.0/24",
            "IN ACCEPT -p icmp -dport 0",
            "IN ACCEPT -p icmpv6 -icmp-type echo-request",
        ]
    );
    assert_eq!(config.rules[0].line, 21);
    assert_eq!(config.groups["web"][1].rule.ports.to_string(), "8080");
}

#[test]
fn what_proxmox_ignores_is_said_with_its_place() {
    let file = parse(
        "enable: 1
[OPTIONS]
enable: yes
polcy_in: DROP
[RULES]
IN ACCEPT -dport 80
IN ACCEPT -p tcp -dport 70000
IN accept -p tcp
IN ACCEPT -p  tcp
IN ACCEPT -port 80
INN ACCEPT
IN ACCEPT -source 10.0.0.5/24
IN SSSH(ACCEPT)
IN ACCEPT -i vmbr0
GROUP web -source 10.0.0.1
IN ACCEPT -p tcp -dport 0
[group web]
[IPSET x!]
10.0.0.1
[ipset good]
10.0.0.1
10.0.0.1
0.0.0.0/0
10.0.0.1-10.0.0.2
[ALIASES]
one two three
two  10.0.0.1
",
        FwKind::Guest,
    );
    assert_eq!(
        faults(&file),
        [
            "1:1: found a line outside of every section, expected `[OPTIONS]` or `[RULES]` before it",
            "3:9: found `yes` for `enable`, expected `0` or `1`",
            "4:1: found unknown option `polcy_in`: Proxmox ignores it",
            "6:18: found `port` without `proto`: Proxmox ignores such a rule",
            "7:25: found port `70000`, expected 1 to 65535 or the name of a service",
            "8:4: found `accept`, expected `ACCEPT`, `DROP` or `REJECT`",
            "9:11: found no value right behind `-p`, expected one blank and the value",
            "10:11: found `-port`, expected one of -i, -source, -dest, -p, -dport, -sport, -log, -icmp-type",
            "11:1: found `INN`, expected `IN`, `OUT`, `FORWARD` or `GROUP`",
            "12:19: found 10.0.0.5/24 with bits below its mask, expected 10.0.0.0/24 or a single address",
            "13:4: found unknown macro `SSSH`, expected one of Proxmox's such as `SSH` or `Ping`: did you mean `SSH`?",
            "14:14: found interface `vmbr0`, expected a guest's interface such as `net0`",
            "15:11: found `-source`, expected at most `-i`",
            "16:25: found port 0, which Proxmox reads as every port",
            "17:1: found `[group web]`, expected [OPTIONS], [ALIASES], [IPSET name] or [RULES]",
            "18:1: found the name `x!`, expected a letter, then letters, digits, `-` and `_`, at most 64",
            "19:1: found a line outside of every section, expected `[OPTIONS]` or `[RULES]` before it",
            "22:1: found `10.0.0.1` twice in one IP set",
            "23:1: found a network of all addresses, expected a smaller one",
            "24:1: found `10.0.0.1-10.0.0.2`, expected an address, a network or an alias",
            "26:1: found no alias, expected its name, one blank and a network",
            "27:1: found no alias, expected its name, one blank and a network",
        ]
    );
    let unknown = file.faults().iter().nth(2).unwrap();
    assert_eq!(unknown.help.as_deref(), Some("did you mean `policy_in`?"));
    // Port 0 alone is a rule.
    assert_eq!(file.config().rules.len(), 1);
    assert!(
        file.faults()
            .iter()
            .any(|f| f.severity == Severity::Warning)
    );
}

#[test]
fn a_header_with_a_carriage_return_is_none_to_proxmox() {
    let file = parse(
        "[OPTIONS]\nenable: 1\r\n[RULES]\r\nIN ACCEPT\r\n",
        FwKind::Host,
    );
    assert_eq!(file.config().options["enable"], "1");
    assert!(file.config().rules.is_empty());
    assert!(
        faults(&file)[0].starts_with("3:1: found `[RULES]`"),
        "{:?}",
        faults(&file)
    );
}

#[test]
fn bytes_that_are_no_text_are_refused_with_their_place() {
    let faults =
        FwFile::parse("x.fw".as_ref(), b"[RULES]\nIN \xff".to_vec(), FwKind::Host).unwrap_err();
    assert_eq!(
        faults.to_string(),
        "x.fw:2:4: found byte 0xff, expected UTF-8 text"
    );
}

/// A line that may stand in a file, or not.
fn any_line() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        "[ \t]{0,3}#[ -~]{0,20}",
        "\\[(OPTIONS|options|ALIASES|RULES|group web|IPSET set|ipset)\\] ?(# c)?",
        "(enable|policy_in|dhcp|junk): ?(0|1|DROP|x)",
        "\\|?(IN|OUT|GROUP|FORWARD|in) (ACCEPT|DROP|SSH\\(ACCEPT\\)|web)( -p (tcp|udp|icmp))?( -dport [0-9]{1,5})?( -source (10\\.0\\.0\\.[0-9]{1,3}|\\+set|office))?( # [ -~]{0,12})?",
        "!? ?10\\.[0-9]{1,3}\\.0\\.0/16( #c)?",
        "[a-z]{2,6} 10\\.0\\.0\\.1",
        "[ -~äß→]{0,30}",
    ]
}

proptest! {
    #[test]
    fn read_then_write_is_the_identity(
        lines in prop::collection::vec(any_line(), 0..30),
        end in "\n?",
        crlf in any::<bool>(),
        kind in 0..3_usize,
    ) {
        let text = lines.join(if crlf { "\r\n" } else { "\n" }) + &end;
        let kind = [FwKind::Cluster, FwKind::Guest, FwKind::Host][kind];
        let file = parse(&text, kind);
        prop_assert_eq!(file.to_string(), text);
        for fault in file.faults() {
            let place = &fault.places[0];
            prop_assert!(file.text().get(place.span.clone()).is_some(), "{}", fault);
        }
    }

    /// What we write of a rule reads as that rule.
    #[test]
    fn a_rule_written_is_the_rule_read(line in "\\|?(IN|OUT) (ACCEPT|DROP|REJECT)( -i net[0-9])?( -source (10\\.0\\.0\\.[1-9]|\\+set|office|10\\.0\\.0\\.1-10\\.0\\.0\\.9))?( -dest 10\\.1\\.0\\.0/16)? -p (tcp|udp)( -dport [1-9][0-9]{0,3}(,[1-9][0-9]{0,3}|:9999)?)?( -log info)?( # [a-z(:)]{1,12})?") {
        let file = parse(&format!("[RULES]\n{line}\n"), FwKind::Guest);
        prop_assert_eq!(faults(&file), Vec::<String>::new());
        prop_assert_eq!(file.config().rules[0].rule.to_string(), line);
    }
}

use super::*;
use crate::firewall::{FwFile, FwKind};

fn file(text: &str, kind: FwKind) -> FwConfig {
    FwFile::parse("x.fw".as_ref(), text.into(), kind)
        .unwrap()
        .config()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Two guests on one bridge, 198.51.100.1 and .2, and the host at .250 of the same network.
struct Site(FirewallConfig);

impl Site {
    fn new(cluster: &str, host: &str, one: &str, two: &str) -> Self {
        let guest = |text: &str, address: &str| GuestConfig {
            file: file(text, FwKind::Guest),
            interfaces: vec![GuestInterface {
                key: "net0".to_owned(),
                firewall: true,
                bridge: "vmbr0".to_owned(),
                addresses: vec![ip(address)],
                filtered: false,
            }],
        };
        Self(FirewallConfig {
            cluster: file(&format!("[OPTIONS]\nenable: 1\n{cluster}"), FwKind::Cluster),
            host: file(host, FwKind::Host),
            guests: [
                (1, guest(one, "198.51.100.1")),
                (2, guest(two, "198.51.100.2")),
            ]
            .into(),
            node: NodeNetwork {
                addresses: vec![ip("198.51.100.250")],
                local_network: "198.51.100.0/24".parse().ok(),
                bridge: "vmbr0".to_owned(),
                corosync: vec![(ip("198.51.100.250"), ip("198.51.100.251"))],
                multicast: true,
            },
        })
    }

    /// `from>to proto port`, with the verdict and what decided.
    fn ask(&self, words: &str) -> String {
        self.with(words, |_| {})
    }

    fn with(&self, words: &str, change: impl FnOnce(&mut Packet)) -> String {
        let firewall = Firewall::new(&self.0);
        let mut words = words.split(' ');
        let (from, to) = words.next().unwrap().split_once('>').unwrap();
        let end = |name: &str| match name {
            "host" => (Zone::Host, ip("198.51.100.250")),
            "1" => (Zone::Guest(1, 0), ip("198.51.100.1")),
            "2" => (Zone::Guest(2, 0), ip("198.51.100.2")),
            other => (Zone::Outside, ip(other)),
        };
        let ((from, source), (to, dest)) = (end(from), end(to));
        let proto = words
            .next()
            .unwrap()
            .parse::<crate::firewall::Protocol>()
            .unwrap();
        let port = words.next().map_or(0, |port| port.parse().unwrap());
        let mut packet = Packet::new(from, to, source, dest, proto.number(), port);
        change(&mut packet);
        let verdict = firewall.verdict(&packet);
        format!("{} by {}", verdict.action, verdict.decision)
    }
}

const ON: &str = "[OPTIONS]\nenable: 1\n";

#[test]
fn switches_at_three_levels() {
    let site = Site::new("", "", ON, "");
    assert_eq!(
        site.ask("203.0.113.1>1 tcp 80"),
        "DROP by guest 1: policy_in: DROP"
    );
    assert_eq!(
        site.ask("203.0.113.1>2 tcp 80"),
        "ACCEPT by host: no firewall is on the way"
    );
    assert_eq!(
        site.ask("203.0.113.1>host tcp 80"),
        "DROP by cluster: policy_in: DROP"
    );
    let off = Site::new("", "[OPTIONS]\nenable: 0\n", ON, "");
    assert!(off.ask("203.0.113.1>host tcp 80").starts_with("ACCEPT"));
    let mut off = Site::new("", "", ON, "");
    off.0
        .cluster
        .options
        .insert("enable".to_owned(), "0".to_owned());
    assert_eq!(
        off.ask("203.0.113.1>1 tcp 80"),
        "ACCEPT by cluster: firewall off"
    );
    let mut unplugged = Site::new("", "", ON, "");
    unplugged.0.guests.get_mut(&1).unwrap().interfaces[0].firewall = false;
    assert!(unplugged.ask("203.0.113.1>1 tcp 80").starts_with("ACCEPT"));
}

#[test]
fn the_first_match_decides_in_both_directions() {
    let one = "[OPTIONS]\nenable: 1\npolicy_out: REJECT\n[RULES]\nIN DROP -p tcp -dport 80 -source 203.0.113.9\n|IN DROP -p tcp -dport 80\nIN ACCEPT -p tcp -dport 80,8000:8010\nOUT ACCEPT -dest 198.51.100.2 -p tcp\nIN ACCEPT -i net1\n";
    let two = "[OPTIONS]\nenable: 1\n[RULES]\nIN ACCEPT -p tcp -dport 22 -sport 1024:65535\nIN REJECT -p udp\n";
    let site = Site::new("", "", one, two);
    for (asked, answer) in [
        ("203.0.113.9>1 tcp 80", "DROP by guest 1: rule at 5"),
        ("203.0.113.8>1 tcp 80", "ACCEPT by guest 1: rule at 7"),
        ("203.0.113.8>1 tcp 8010", "ACCEPT by guest 1: rule at 7"),
        ("203.0.113.8>1 tcp 8011", "DROP by guest 1: policy_in: DROP"),
        ("1>2 tcp 22", "ACCEPT by guest 2: rule at 4"),
        ("1>2 tcp 23", "DROP by guest 2: policy_in: DROP"),
        ("1>2 udp 22", "REJECT by guest 1: policy_out: REJECT"),
        ("203.0.113.8>2 udp 22", "REJECT by guest 2: rule at 5"),
        (
            "1>203.0.113.8 tcp 22",
            "REJECT by guest 1: policy_out: REJECT",
        ),
    ] {
        assert_eq!(site.ask(asked), answer, "{asked}");
    }
    let low = site.with("1>2 tcp 22", |packet| packet.sport = 22);
    assert_eq!(low, "DROP by guest 2: policy_in: DROP");
    let reply = site.with("203.0.113.8>1 tcp 8011", |packet| {
        packet.state = State::Established;
    });
    assert!(reply.starts_with("ACCEPT"), "{reply}");
    let invalid = site.with("203.0.113.8>1 tcp 80", |packet| {
        packet.state = State::Invalid;
    });
    assert!(invalid.starts_with("DROP"), "{invalid}");
}

#[test]
fn groups_sets_aliases_and_macros_are_followed() {
    let cluster = "[ALIASES]\nOffice 203.0.113.0/24\n[IPSET friends]\noffice\n!203.0.113.66\n192.0.2.0/24\n[IPSET blacklist]\n203.0.113.77\n[group web]\nIN HTTPS(ACCEPT) -source +friends\nOUT DROP -p tcp -dport 25\nIN REJECT -p tcp -dport 443 -source 203.0.113.66\n";
    let one = "[OPTIONS]\nenable: 1\n[ALIASES]\noffice 192.0.2.7\n[RULES]\nGROUP web -i net0\nIN SSH(ACCEPT) -source office\nIN ACCEPT -p tcp -dport 81 -source dc/office\nIN Ping(ACCEPT)\nIN ACCEPT -p tcp -dport 82 -source +nobody\nGROUP nothing\n";
    let site = Site::new(cluster, "", one, "");
    for (asked, answer) in [
        ("203.0.113.5>1 tcp 443", "ACCEPT by group web: rule at 12"),
        ("203.0.113.66>1 tcp 443", "REJECT by group web: rule at 14"),
        ("203.0.113.77>1 tcp 443", "DROP by cluster: the blacklist"),
        ("203.0.113.5>1 tcp 22", "DROP by guest 1: policy_in: DROP"),
        ("192.0.2.7>1 tcp 22", "ACCEPT by guest 1: rule at 7"),
        ("203.0.113.5>1 tcp 81", "ACCEPT by guest 1: rule at 8"),
        ("203.0.113.5>1 icmp", "ACCEPT by guest 1: rule at 9"),
        ("203.0.113.5>1 tcp 82", "DROP by guest 1: policy_in: DROP"),
        ("1>203.0.113.5 tcp 25", "DROP by group web: rule at 13"),
    ] {
        assert_eq!(site.ask(asked), answer, "{asked}");
    }
    let firewall = Firewall::new(&site.0);
    let ignored: Vec<_> = firewall
        .ignored()
        .iter()
        .map(|i| (i.line, i.why.as_str()))
        .collect();
    assert_eq!(
        ignored,
        [
            (10, "there is no IP set `nobody`"),
            (11, "there is no security group `nothing`")
        ]
    );
}

#[test]
fn what_proxmox_adds_to_the_host() {
    let site = Site::new(
        "policy_out: DROP\n[IPSET management]\n203.0.113.40\n",
        "[RULES]\nIN DROP -source 198.51.100.66\n",
        "",
        "",
    );
    for (asked, answer) in [
        (
            "198.51.100.9>host tcp 22",
            "ACCEPT by host: the management set and the local network",
        ),
        (
            "203.0.113.40>host tcp 8006",
            "ACCEPT by host: the management set and the local network",
        ),
        (
            "203.0.113.41>host tcp 8006",
            "DROP by cluster: policy_in: DROP",
        ),
        ("198.51.100.66>host tcp 22", "DROP by host: rule at 2"),
        (
            "198.51.100.9>host tcp 60050",
            "ACCEPT by host: the management set and the local network",
        ),
        (
            "198.51.100.9>host tcp 80",
            "DROP by cluster: policy_in: DROP",
        ),
        ("198.51.100.251>host udp 5405", "ACCEPT by host: corosync"),
        (
            "198.51.100.252>host udp 5405",
            "DROP by cluster: policy_in: DROP",
        ),
        (
            "host>198.51.100.9 tcp 22",
            "ACCEPT by host: the local network",
        ),
        (
            "host>198.51.100.9 tcp 60000",
            "DROP by cluster: policy_out: DROP",
        ),
        ("host>198.51.100.251 udp 5404", "ACCEPT by host: corosync"),
        (
            "host>203.0.113.1 tcp 80",
            "DROP by cluster: policy_out: DROP",
        ),
    ] {
        assert_eq!(site.ask(asked), answer, "{asked}");
    }
    let group = site.with("host>203.0.113.1 udp 5404", |packet| {
        packet.dest = ip("239.192.0.1");
        packet.cast = Cast::Multicast;
    });
    assert_eq!(group, "ACCEPT by host: corosync");
}

#[test]
fn interfaces_of_the_host_and_rules_of_the_node_before_the_clusters() {
    let site = Site::new(
        "[RULES]\nIN ACCEPT -p tcp -dport 100\nIN ACCEPT -p tcp -dport 101 -i vmbr1\n",
        "[RULES]\nIN REJECT -p tcp -dport 100\n",
        "",
        "",
    );
    assert_eq!(
        site.ask("203.0.113.1>host tcp 100"),
        "REJECT by host: rule at 2"
    );
    assert!(site.ask("203.0.113.1>host tcp 101").starts_with("DROP"));
    let other = site.with("203.0.113.1>host tcp 101", |packet| {
        packet.iface = Some("vmbr1".to_owned());
    });
    assert_eq!(other, "ACCEPT by cluster: rule at 5");
}

#[test]
fn dhcp_ndp_and_filters_of_a_guest() {
    let one = "[OPTIONS]\nenable: 1\npolicy_out: DROP\n[IPSET ipfilter-net0]\n198.51.100.1\n";
    let site = Site::new("", "", one, ON);
    let dhcp = site.with("1>203.0.113.1 udp 67", |packet| packet.sport = 68);
    assert_eq!(dhcp, "ACCEPT by guest 1: DHCP");
    let foreign = site.with("1>2 tcp 22", |packet| packet.source = ip("198.51.100.99"));
    assert_eq!(
        foreign,
        "DROP by guest 1: not the guest's own address (ipfilter)"
    );
    let six = |kind: u8, from: &str| {
        site.with(from, |packet| {
            packet.source = ip("2001:db8::1");
            packet.dest = ip("2001:db8::2");
            packet.proto = ICMPV6;
            packet.icmp = (kind, 0);
        })
    };
    assert_eq!(six(135, "203.0.113.1>2 tcp"), "ACCEPT by guest 2: NDP");
    assert_eq!(
        six(134, "2>203.0.113.1 tcp"),
        "DROP by guest 2: router advertisements (radv)"
    );
    assert_eq!(
        six(128, "203.0.113.1>2 tcp"),
        "DROP by guest 2: policy_in: DROP"
    );
    // What the network cannot do without passes even then.
    assert_eq!(
        six(2, "203.0.113.1>2 tcp"),
        "ACCEPT by guest 2: policy_in: DROP"
    );
}

#[test]
fn rules_of_one_family_do_not_touch_the_other() {
    let one = "[OPTIONS]\nenable: 1\n[RULES]\nIN ACCEPT -source 0.0.0.0/0 -p tcp -dport 80\nIN ACCEPT -p tcp -dport 81\n";
    let site = Site::new("", "", one, "");
    let six = |port: u16| {
        site.with("203.0.113.1>1 tcp", |packet| {
            packet.source = ip("2001:db8::1");
            packet.dest = ip("2001:db8::2");
            packet.dport = port;
        })
    };
    assert!(six(80).starts_with("DROP") && six(81).starts_with("ACCEPT"));
    assert!(site.ask("203.0.113.1>1 tcp 80").starts_with("ACCEPT"));
}

#[test]
fn the_matrix_says_who_reaches_what_and_what_changed() {
    let one = "[OPTIONS]\nenable: 1\n[RULES]\nIN ACCEPT -p tcp -dport 80,443\nIN ACCEPT -p tcp -dport 444:450\nIN Ping(ACCEPT)\n";
    let two = "[OPTIONS]\nenable: 1\n[RULES]\nOUT DROP -p tcp -dport 443\nOUT DROP -p udp\n";
    let ends = [
        ("one".to_owned(), Zone::Guest(1, 0), ip("198.51.100.1")),
        ("two".to_owned(), Zone::Guest(2, 0), ip("198.51.100.2")),
    ];
    let matrix = |one: &str| Matrix::new(&Firewall::new(&Site::new("", "", one, two).0), &ends);
    let before = matrix(one);
    let cells: Vec<String> = before
        .cells()
        .iter()
        .map(|cell| {
            format!(
                "{}>{} {} {} {}",
                cell.from, cell.to, cell.tcp, cell.udp, cell.ping
            )
        })
        .collect();
    assert_eq!(cells, ["two>one 80,444:450  true"]);
    let after = matrix(&one.replace("80,443", "81"));
    let changes = before.changes(&after);
    assert_eq!(changes.len(), 1);
    assert_eq!(
        changes[0].after.as_ref().unwrap().tcp.to_string(),
        "81,444:450"
    );
    assert!(before.changes(&before).is_empty());
}

mod matrix {
    use proptest::prelude::*;

    use super::*;
    use crate::firewall::{TCP, UDP};

    fn rules(direction: &'static str) -> impl Strategy<Value = String> {
        let line = format!(
            "{direction} (ACCEPT|DROP|REJECT)( -source 198\\.51\\.100\\.(0/30|1|250))?( -dest 198\\.51\\.100\\.(0/31|2))?( -p (tcp|udp)( -dport (22|80,81|80:1900|1900|43)))?\n"
        );
        let line = prop::string::string_regex(&line).unwrap();
        prop::collection::vec(line, 0..6).prop_map(|lines| lines.concat())
    }

    proptest! {
        /// The matrix says of every port what the verdict on a packet to it is.
        #[test]
        fn the_matrix_is_what_the_verdicts_say(
            cluster in rules("(IN|OUT)"),
            one in rules("(IN|OUT)"),
            two in rules("(IN|OUT)"),
            switches in prop::collection::vec(any::<bool>(), 4),
        ) {
            let on = |rules: &str, on: bool| format!("[OPTIONS]\nenable: {}\n[RULES]\n{rules}", u8::from(on));
            let blacklist = if switches[3] { "[IPSET blacklist]\n198.51.100.1\n" } else { "" };
            let mut site = Site::new(
                &format!("{blacklist}[RULES]\n{cluster}"), "", &on(&one, switches[0]), &on(&two, switches[1]),
            );
            site.0.guests.get_mut(&1).unwrap().interfaces[0].firewall = switches[2];
            let firewall = Firewall::new(&site.0);
            let ends: Vec<_> = [
                ("outside", Zone::Outside, "203.0.113.1"),
                ("host", Zone::Host, "198.51.100.250"),
                ("1", Zone::Guest(1, 0), "198.51.100.1"),
                ("2", Zone::Guest(2, 0), "198.51.100.2"),
            ]
            .map(|(name, zone, address)| (name.to_owned(), zone, ip(address)))
            .into();
            let matrix = Matrix::new(&firewall, &ends);
            for (from, from_zone, source) in &ends {
                for (to, to_zone, dest) in ends.iter().filter(|(to, ..)| to != from) {
                    let cell = matrix.cells().iter().find(|cell| cell.from == *from && cell.to == *to);
                    for port in [1, 21, 22, 23, 42, 43, 44, 79, 80, 81, 82, 1899, 1900, 1901, 65_535] {
                        for (proto, ports) in [(TCP, cell.map(|c| &c.tcp)), (UDP, cell.map(|c| &c.udp))] {
                            let packet = Packet::new(*from_zone, *to_zone, *source, *dest, proto, port);
                            let admitted = *firewall.verdict(&packet).action == Action::Accept;
                            prop_assert_eq!(ports.is_some_and(|ports| ports.names(port)), admitted, "{:?}", packet);
                        }
                    }
                }
            }
        }
    }
}

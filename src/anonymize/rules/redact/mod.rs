//! redact: prose stays, but for what identifies somebody in it: addresses, links, numbers, tokens, and the names of
//! the row's own subject.
//!
//! What is found is replaced as the rule of its kind would replace it, in that rule's own domain: an address in prose
//! so becomes the address that stands in a masked column.
//!
//! Words that can hold nothing of this are passed by their bytes. In the others links and addresses are found first;
//! what stands between them is searched for machines' addresses, tokens, numbers and names, from left to right. Every
//! search ends where the last one did, so that time grows with the text.
//!
//! ```text
//! "see http://a.b/c, mail:ann@home.org,+49 30 1234567"   words "see", "http…," and the rest
//!      └─ link ──┘  between└─ address ┘└between ─────┘   the number may go on behind its word
//! ```

mod machines;
mod numbers;
mod signs;
mod spans;
mod subject;

use crate::digest::{DomainKey, MaskKey};
use crate::profile::Locale;

use super::Keyed;
use machines::Machine;
use signs::{AT, COLON, DIGIT, DOT, LETTER, SPACE, W, WIDE, kind};
use spans::Address;
pub(in crate::anonymize) use subject::Names;
use subject::{Name, Part};

/// The rules of what is looked for, each with its key.
#[derive(Clone, Debug)]
pub(in crate::anonymize) struct Redactor {
    email: Found,
    phone: Found,
    url: Found,
    ip: Found,
    token: Found,
    first_name: Found,
    last_name: Found,
    username: Found,
}

#[derive(Clone, Debug)]
struct Found(Keyed, DomainKey);

/// A text under way.
struct Text<'a> {
    value: &'a [u8],
    names: &'a Names,
    /// All before it has been written.
    copied: usize,
    out: &'a mut Vec<u8>,
}

impl Text<'_> {
    fn copy(&mut self, to: usize) {
        self.out.extend_from_slice(&self.value[self.copied..to]);
        self.copied = to;
    }

    /// Writes what `found` makes of the bytes from `from` to `to`.
    fn replace(&mut self, from: usize, to: usize, found: &Found) {
        self.copy(from);
        found.0.write(&found.1, &self.value[from..to], usize::MAX, self.out);
        self.copied = to;
    }
}

impl Redactor {
    pub(in crate::anonymize) fn new(key: &MaskKey, locale: Locale) -> Self {
        let found = |rule, domain| Found(rule, key.domain(domain));
        Self {
            email: found(Keyed::Email { host: "example.com".to_owned() }, "email"),
            phone: found(Keyed::Phone, "phone"),
            url: found(Keyed::Url { keep_host: false }, "url"),
            ip: found(Keyed::Ip, "ip"),
            token: found(Keyed::Token, "token"),
            first_name: found(Keyed::FirstName(locale), "first_name"),
            last_name: found(Keyed::LastName(locale), "last_name"),
            username: found(Keyed::Username, "username"),
        }
    }

    /// Appends the text without what identifies somebody, and without the subject's `names`.
    pub(in crate::anonymize) fn apply(&self, value: &[u8], names: &Names, out: &mut Vec<u8>) {
        let mut text = Text { value, names, copied: 0, out };
        let mut at = 0;
        while at < value.len() {
            let (start, mut seen) = (at, 0);
            while at < value.len() && kind(value[at]) & SPACE == 0 {
                seen |= kind(value[at]);
                at += 1;
            }
            let is_marked = seen & (AT | COLON | DIGIT | WIDE) != 0 || seen & (W | DOT) == W | DOT;
            if is_marked || (seen & LETTER != 0 && !names.is_empty()) {
                // A number may have gone on behind the word.
                at = self.word(&mut text, start, at);
            } else {
                at += 1;
            }
        }
        text.copy(value.len());
    }

    /// Treats the word at `start..end`; where it ended.
    fn word(&self, text: &mut Text<'_>, start: usize, end: usize) -> usize {
        let value = text.value;
        let mut at = start;
        let (mut link, mut address) = (spans::link(value, at, end), spans::address(value, at, end));
        loop {
            // One that stands in a link goes with it.
            let first = address.filter(|address| link.is_none_or(|link| address.core < link.0));
            at = match (first, link) {
                (Some(Address { from, core, to }), _) => {
                    self.between(text, at, from, from);
                    text.replace(from, core, &self.token);
                    text.replace(core, to, &self.email);
                    to
                }
                (None, Some((from, to))) => {
                    self.between(text, at, from, from);
                    text.replace(from, to, &self.url);
                    to
                }
                (None, None) => return self.between(text, at, end, value.len()),
            };
            if link.is_some_and(|(from, _)| from < at) {
                link = spans::link(value, at, end);
            }
            if address.is_some_and(|address| address.from < at) {
                address = spans::address(value, at, end);
            }
        }
    }

    /// What is neither link nor address, at `from..to`; where it ended: a number goes on up to `limit`.
    fn between(&self, text: &mut Text<'_>, from: usize, to: usize, limit: usize) -> usize {
        let value = text.value;
        let mut seen = Seen { machine: from, token: from, name: from };
        let mut at = from;
        while at < to {
            let sign = kind(value[at]);
            if sign & (LETTER | DIGIT | WIDE) != 0
                && !text.names.is_empty()
                && at >= seen.name
                && let Some(end) = self.name(text, at, to, &mut seen)
            {
                at = end;
            } else if sign & COLON != 0 {
                at = self.machine(text, at, from, to, &mut seen).unwrap_or(at + 1);
            } else if sign & (DIGIT | WIDE) != 0 && signs::digit(value, at) > 0 {
                at = self.digits(text, at, (from, to, limit), &mut seen);
            } else {
                at += 1;
            }
        }
        at
    }

    /// A number of a machine, a token or any other number. What has too few digits is passed.
    fn digits(
        &self,
        text: &mut Text<'_>,
        at: usize,
        (from, to, limit): (usize, usize, usize),
        seen: &mut Seen,
    ) -> usize {
        let value = text.value;
        if let Some(end) = machines::dotted(value, at, to) {
            text.replace(at, end, &self.ip);
            return end;
        }
        if at >= seen.token {
            let (start, end, reached) = spans::token(value, at, from.max(text.copied), to);
            seen.token = reached;
            if start < end {
                text.replace(start, end, &self.token);
                return end;
            }
        }
        if let Some(end) = numbers::date_end(value, at).filter(|end| *end <= limit) {
            return end;
        }
        let (end, pieces) = numbers::number(value, at, limit);
        for (from, to) in pieces {
            let has_plus = from > text.copied && value[from - 1] == b'+';
            text.replace(from - usize::from(has_plus), to, &self.phone);
        }
        end
    }

    fn machine(&self, text: &mut Text<'_>, at: usize, from: usize, to: usize, seen: &mut Seen) -> Option<usize> {
        if at < seen.machine {
            return None;
        }
        let (found, reached) = machines::coloned(text.value, at, from.max(text.copied), to);
        seen.machine = reached;
        let (start, end, machine) = found?;
        text.replace(start, end, if machine == Machine::Host { &self.ip } else { &self.token });
        Some(end)
    }

    /// The subject's name at that place, also as a part of a handle.
    fn name(&self, text: &mut Text<'_>, at: usize, to: usize, seen: &mut Seen) -> Option<usize> {
        let (value, names) = (text.value, text.names);
        let end = signs::word_end(value, at, to);
        seen.name = end.max(at + 1);
        let mut start = at;
        let whole = names.find(&value[at..end]);
        while start < end {
            let part = value[start..end].iter().position(|byte| *byte == b'_').map_or(end, |length| start + length);
            let (name, part_end) = if whole.is_some() { (whole, end) } else { (names.find(&value[start..part]), part) };
            match name {
                Some(name) => self.call(text, start, part_end, name),
                None => self.inside(text, start, part_end),
            }
            start = part_end + 1;
        }
        (text.copied > at).then_some(text.copied)
    }

    /// Names within a word of a script that does not part them.
    fn inside(&self, text: &mut Text<'_>, from: usize, to: usize) {
        let (value, names) = (text.value, text.names);
        let mut at = from;
        while at < to && names.any_inside() {
            at += match names.begin(&value[at..to]) {
                Some(name) => {
                    self.call(text, at, at + name.text.len(), name);
                    name.text.len()
                }
                None => signs::character(value, at).1,
            };
        }
    }

    /// Calls the subject otherwise.
    fn call(&self, text: &mut Text<'_>, from: usize, to: usize, name: &Name) {
        let rule = match name.part {
            Part::First => &self.first_name,
            Part::Last => &self.last_name,
            Part::Whole => &self.username,
        };
        text.copy(from);
        rule.0.write(&rule.1, name.text.as_bytes(), usize::MAX, text.out);
        text.copied = to;
    }
}

/// How far each search has come: what it refused once is not looked at again.
struct Seen {
    machine: usize,
    token: usize,
    name: usize,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run(text: &str, subject: &[&str]) -> String {
        let key = MaskKey::from_secret("a secret that only tests know").expect("long enough");
        let (mut out, mut known) = (Vec::new(), Names::default());
        subject.iter().for_each(|name| known.add(name.as_bytes()));
        Redactor::new(&key, Locale::En).apply(text.as_bytes(), &known, &mut out);
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn what_identifies_goes_and_prose_stays() {
        for (text, secret) in [
            ("Write to ann@home.org, please.", "ann@home"),
            ("(<Ann.Nobody+x@home.example.org>)", "Nobody"),
            ("a@b.example;c@d.example", "c@d"),
            ("Call +49 (30) 123-45 67 now", "123"),
            ("call 030/1234567.", "123"),
            ("card 4111 1111 1111 1111 expires", "4111"),
            ("see https://home.example/ann?token=1).", "ann?"),
            ("see www.home.example/ann", "home"),
            ("from 192.0.2.77, they say", "192.0"),
            ("from [fe80::1:2]:", "fe80"),
            ("key sk_live_4eC39HqLyjWDarjtT1zdp7dc", "4eC39"),
            ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc123", "eyJzdWI"),
        ] {
            let masked = run(text, &[]);
            assert!(!masked.contains(secret), "{text} -> {masked}");
        }
        for kept in [
            "",
            "On 2024-05-06 at 12:30 we met 3 times, 100 % of it.",
            "דברים 𝄞 e\u{301}",
            "a\u{a0}b  c\n\td",
            "@ann @ x@y",
            "v1.2.3 and 50-100",
        ] {
            assert_eq!(run(kept, &[]), kept);
        }
    }

    /// Secrets stand in the middle of words, in a row, behind punctuation and in other digits than ASCII's.
    #[test]
    fn what_identifies_is_found_wherever_it_stands() {
        for (text, secrets) in [
            ("Tel:+4930123456789 Phone=+1-212-555-1234 SSN:123-45-6789", &["3012", "555-12", "45-67"][..]),
            ("order12345678 and 12345678x, NO9386011117947", &["12345678", "93860111"]),
            ("`sk_live_4eC39HqLyjWDarjtT1zdp7dc`", &["4eC39"]),
            ("\u{2039}sk_live_4eC39HqLyjWDarjtT1zdp7dc>", &["4eC39"]),
            ("sk_live_4eC39HqLyjWDarjtT1zdp7dc!", &["4eC39"]),
            ("key=ghp_1234567890abcdefghijklmno&x=", &["ghp", "abcdef"]),
            ("mail:ann@home.org;https://home.org/x", &["ann", "home"]),
            ("ann@home.org,+491701234567,bob@home.org", &["ann", "bob", "home", "0123"]),
            ("<https://home.org/ann>ann@home.org", &["ann", "home"]),
            (
                "cards 4111 1111 1111 1111 5500 0000 0000 0004 3782 822463 10005 4242 4242 4242 4242",
                &["4111", "0000", "822463", "4242 4242"],
            ),
            ("+49\u{a0}30\u{a0}1234567 oder 030\u{2011}1234567 an", &["1234567"]),
            ("\u{660}\u{661}\u{662}\u{663}\u{664}\u{665}\u{666}\u{667}", &["\u{662}\u{663}\u{664}"]),
            ("on 2024-05-06 call 030 1234567, or (030) 1234568 before 2024-05-07 12:30", &["12345"]),
            ("fe80::dead:beef.  Host:192.0.2.77:8080/24", &["dead", "192.0"]),
            ("08:00:2b:01:02:03", &["2b:01"]),
            ("\u{201e}ann@home.org\u{201c}\u{a0}x", &["ann", "home"]),
        ] {
            let masked = run(text, &[]);
            for secret in secrets {
                assert!(!masked.contains(secret), "{text} -> {masked}");
            }
        }
        for kept in [
            "2024-05-06T07:08:09.123456+02:00, 06.05.2024-07.05.2024, 5/6/2024.",
            "std::deque::new, a :: b, 12:30:45, 1, 2, 3: 4",
            "12:30 14:30 16:30 18:30",
            "state-of-the-art-and-much-longer-than-that",
        ] {
            assert_eq!(run(kept, &[]), kept);
        }
        assert!(run("(see https://home.org/ann).", &[]).ends_with(")."));
        assert!(run("\u{201e}ann@home.org\u{201c}\u{a0}x", &[]).ends_with("\u{201c}\u{a0}x"));
    }

    /// A search that looks at the same text again and again takes minutes here.
    #[test]
    fn time_grows_with_the_text() {
        let started = std::time::Instant::now();
        for part in [
            "1 ",
            "( ",
            "1\u{a0}",
            "1-",
            "a@",
            "a@b.c;",
            "http://a<",
            "www.a<",
            ":",
            "::",
            "a:",
            "1:",
            "a_",
            "1a",
            "1.",
            "+",
            "\u{660}",
            "\u{a0}",
            "a1 @",
            "2024-05-06",
            "=@",
            "a=b@c.d/",
            "'a&@",
            "李",
            "李小",
        ] {
            let text = part.repeat(100_000 / part.len());
            run(&text, &["Ann Nobody", "\u{e9}mile", "李小龙"]);
        }
        assert!(started.elapsed().as_secs() < 30, "{:?}", started.elapsed());
    }

    #[test]
    fn the_subject_is_called_otherwise_everywhere() {
        let masked =
            run("Ann's friend ANN NOBODY (@annie_77) met Anna, and émile.", &["Ann Nobody", "annie_77", "Émile"]);
        for name in ["Ann'", "ANN", "NOBODY", "annie_77", "émile"] {
            assert!(!masked.contains(name), "{masked}");
        }
        assert!(masked.contains("met Anna, and "), "{masked}");
        let first = masked.split('\'').next().expect("a name");
        assert!(masked.contains(&format!("friend {first} ")), "{masked}");
        let masked = run(
            "Terrance-Marie met @Terrance.nobody and friend/Marie, cc:Nobody, x_nobody_x and \u{39d}\u{3b9}\u{3ba}\u{3cc}\u{3c2}1",
            &["Terrance-Marie Nobody", "\u{39d}\u{399}\u{39a}\u{38c}\u{3a3}1"],
        );
        for name in ["errance", "arie", "obody", "\u{3b9}\u{3ba}"] {
            assert!(!masked.contains(name), "{masked}");
        }
    }

    /// Text and what it may not show; whole addresses where `key=` and the like stand before them.
    #[test]
    fn addresses_are_taken_with_all_signs_that_they_may_have() {
        for (text, secrets) in [
            ("o'brien.sean@home.org", &["brien", "home"][..]),
            ("'ann@home.org' and *bob@home.org*, `eve@home.org` ~ida@home.org", &["ann", "bob", "eve", "ida", "home"]),
            ("r&d.lab@home.org", &["r&d", "lab"]),
            ("it!host#ann~x$y@home.org", &["host", "ann", "home"]),
            ("bounce+12-ann.nobody=home.org@list.example", &["ann", "nobody", "home", "list"]),
            ("g=ann/s=nobody@home.org", &["ann", "nobody", "home"]),
            ("mailto:ann@home.org?cc=bob.b@home.org&bcc=eve@home.org", &["ann", "bob", "eve", "home"]),
            ("page?to=ann@home.org", &["ann", "home"]),
            ("//ann@home.org/x", &["ann", "home"]),
            ("href=\"//www.shop.org/u?mail=ann@home.org&name=Nobody\"", &["ann", "home", "Nobody"]),
            ("url=www.shop.org/ann@home.org/Nobody", &["ann", "home", "Nobody"]),
        ] {
            let masked = run(text, &[]);
            for secret in secrets {
                assert!(!masked.contains(secret), "{text} -> {masked}");
            }
        }
        let address = |text: &str| run(text, &[]).rsplit(['=', '/', ':', '\'']).next().map(str::to_owned);
        for text in
            ["email=ann@home.org", "page?to=ann@home.org", "//ann@home.org", "mailto:ann@home.org", "'ann@home.org"]
        {
            assert_eq!(address(text), Some(run("ann@home.org", &[])), "{text}");
        }
        assert!(run("email='ann@home.org'", &[]).starts_with("email='"));
        assert_eq!(run("see /@home.org and =@x.y", &[]), "see /@home.org and =@x.y");
    }

    #[test]
    fn names_without_letters_of_two_cases_are_found_within_words() {
        for (text, subject, kept) in [
            ("李小龙说你好。", "李小龙", "说你好。"),
            ("我见到李小龙,李小龙!", "李小龙", "我见到"),
            ("x_李龙_13:李龙。", "李龙", "x_"),
            ("김철수는 왔다", "김철수", "는 왔다"),
            ("وعلي هنا", "علي", " هنا"),
            ("Met Li and LI", "Li", "Met "),
        ] {
            let masked = run(text, &[subject]);
            assert!(!masked.contains(subject) && !masked.contains("LI") && masked.contains(kept), "{text} -> {masked}");
        }
        for (kept, subject) in
            [("a li of Liam, Elli", "Li"), ("an oak and AN ash", "an"), ("Up to 77 7 李", "李 7"), ("李 x", "李")]
        {
            assert_eq!(run(kept, &[subject]), kept);
        }
    }

    #[test]
    fn addresses_in_prose_are_those_of_columns() {
        let key = MaskKey::from_secret("a secret that only tests know").expect("long enough");
        let mut column = Vec::new();
        Keyed::Email { host: "example.com".to_owned() }.write(
            &key.domain("email"),
            b"ann@home.org",
            usize::MAX,
            &mut column,
        );
        assert_eq!(run("ann@home.org!", &[]), format!("{}!", String::from_utf8_lossy(&column)));
    }

    proptest! {
        #[test]
        fn any_prose_is_searched_to_its_end(
            text in "([a-zA-Z0-9@:./+_()=&' \u{e9}\u{a0}\u{660}\u{2011}-]|ann|://|www|, |192.0.2.7|2024-05-06){0,60}",
            bytes in prop::collection::vec(any::<u8>(), 0..60),
        ) {
            let masked = run(&text, &["Ann Nobody"]);
            prop_assert!(masked.chars().count() > 0 || text.is_empty());
            // Nothing is lost between what is replaced.
            let marks = |text: &str| text.matches([',', '(']).count();
            prop_assert!(text.contains(['@', ':', 'w']) || marks(&masked) == marks(&text), "{} {}", text, masked);
            let key = MaskKey::from_secret("a secret that only tests know").expect("long enough");
            Redactor::new(&key, Locale::En).apply(&bytes, &Names::default(), &mut Vec::new());
        }
    }
}

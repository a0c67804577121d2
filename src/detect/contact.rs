//! E-mail addresses and telephone numbers.

/// Endings of files: `icon@2x.png` is no address.
const FILE_ENDINGS: &[&str] = &[
    "png", "jpg", "jpeg", "gif", "svg", "webp", "css", "js", "mjs", "json", "txt", "pdf", "html", "map", "service",
    "conf", "yaml", "yml", "toml", "rs", "py", "ts", "tsx", "gz", "tgz", "zip",
];

/// The whole is an address.
pub(super) fn is_email(text: &str) -> bool {
    let text = text.trim_start_matches("mailto:");
    let Some((local, host)) = text.rsplit_once('@') else { return false };
    !local.is_empty() && text.len() <= 320 && local.chars().all(is_local) && is_mail_host(host)
}

/// An address stands somewhere in it.
pub(super) fn holds_email(text: &str) -> bool {
    memchr::memchr_iter(b'@', text.as_bytes()).take(64).any(|at| {
        let local = text[..at].chars().next_back().is_some_and(|c| is_local(c) && c != '.');
        let after = &text[at + 1..];
        let end = after.find(|c: char| !is_host(c)).unwrap_or(after.len());
        local && is_mail_host(after[..end].trim_end_matches(['.', '-']))
    })
}

fn is_local(c: char) -> bool {
    c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c)
}

fn is_host(c: char) -> bool {
    c.is_alphanumeric() || c == '-' || c == '.'
}

fn is_mail_host(host: &str) -> bool {
    let Some((name, top)) = host.rsplit_once('.') else { return false };
    let label = |label: &str| {
        !label.is_empty() && label.chars().all(is_host) && !label.starts_with('-') && !label.ends_with('-')
    };
    name.split('.').all(label)
        && top.chars().count() >= 2
        && (top.chars().all(char::is_alphabetic) || top.starts_with("xn--"))
        && !FILE_ENDINGS.contains(&top)
}

/// How surely a text is a telephone number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialled {
    /// Written as people write one: with a country's prefix, or in groups.
    Written,
    /// Digits that could be one, and could be an order.
    Digits,
}

/// The whole could be dialled.
pub(super) fn phone(text: &str) -> Option<Dialled> {
    let text = text.strip_prefix("tel:").unwrap_or(text);
    let text = without_extension(text).trim();
    if text.len() > 30 || !text.bytes().all(|b| b.is_ascii_digit() || b" +()-./".contains(&b)) {
        return None;
    }
    let groups: Vec<&str> = text.split(|c: char| !c.is_ascii_digit()).filter(|group| !group.is_empty()).collect();
    let digits: usize = groups.iter().map(|group| group.len()).sum();
    if !(7..=15).contains(&digits) || text.matches('+').count() > 1 || text.rfind('+').is_some_and(|at| at > 1) {
        return None;
    }
    let all: String = groups.concat();
    if text.contains('+') {
        // Country prefixes begin with 1 to 9; a signed amount has fewer digits, or a point before the last two.
        let amount = groups.len() == 2 && groups[1].len() <= 2;
        return (digits >= 9 && !all.starts_with('0') && !amount).then_some(Dialled::Written);
    }
    if groups.len() == 1 && !text.contains('(') {
        let national = all.starts_with('0') && !all.starts_with("00") && (9..=12).contains(&digits);
        return (national || is_north_american(&all)).then_some(Dialled::Digits);
    }
    if is_date(&groups) {
        return None;
    }
    let abroad = all.starts_with("00") && !all.starts_with("000") && digits >= 11 && groups[0].len() >= 4;
    let national = all.starts_with('0')
        && !all.starts_with("00")
        && (2..=6).contains(&groups[0].len())
        && (9..=12).contains(&digits)
        && !(text.contains('.') && text.contains('-'));
    let american = is_north_american(&all)
        && matches!(groups.iter().map(|g| g.len()).collect::<Vec<_>>()[..], [3, 3, 4] | [1, 3, 3, 4]);
    // `(11) 91234-5678`, `(030) 901820`
    let bracketed = text.starts_with('(') && matches!(text.find(')'), Some(3..=6)) && (8..=12).contains(&digits);
    // `912 345 678` (Spain, Portugal), in a row of threes; prices are grouped so, too, but not with these beginnings.
    let threes = digits == 9
        && groups.len() >= 3
        && all.starts_with(['6', '7', '9'])
        && !text.contains(['.', '-', '/'])
        && groups[0].len() >= 2;
    (abroad || national || american || bracketed || threes).then_some(Dialled::Written)
}

/// A number stands somewhere in the prose.
pub(super) fn holds_phone(text: &str) -> bool {
    let bytes = text.as_bytes();
    let within = |b: u8| b.is_ascii_digit() || b" +()-./".contains(&b);
    let (mut at, mut runs) = (0, 0);
    while at < bytes.len() && runs < 64 {
        let begins = bytes[at] == b'+' || bytes[at] == b'(' || bytes[at].is_ascii_digit();
        if !begins || (at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || b"_:=-/.,#".contains(&bytes[at - 1]))) {
            at += 1;
            continue;
        }
        runs += 1;
        let length = bytes[at..].iter().take_while(|b| within(**b)).count();
        let run = text[at..at + length].trim_end_matches(|c: char| !c.is_ascii_digit());
        let open = bytes.get(at + run.len()).is_none_or(|b| !b.is_ascii_alphanumeric() && !b"_:@".contains(b));
        if open && phone(run) == Some(Dialled::Written) {
            return true;
        }
        at += length.max(1);
    }
    false
}

fn is_north_american(digits: &str) -> bool {
    let ten = if digits.len() == 11 { digits.strip_prefix('1') } else { Some(digits) };
    ten.is_some_and(|ten| {
        let bytes = ten.as_bytes();
        ten.len() == 10 && bytes[0] >= b'2' && bytes[3] >= b'2' && &ten[1..3] != "11"
    })
}

/// `05.06.2024 12`, `2024-06-05`
fn is_date(groups: &[&str]) -> bool {
    let year = |group: &str| group.len() == 4 && (group.starts_with("19") || group.starts_with("20"));
    match groups {
        [first, second, third, ..] => {
            (year(first) && second.len() <= 2) || (first.len() <= 2 && second.len() <= 2 && year(third))
        }
        _ => false,
    }
}

/// `… x123`, `… ext. 12`
fn without_extension(text: &str) -> &str {
    let Some(at) = text.find(['x', 'e']).filter(|at| *at >= 7) else { return text };
    let rest = text[at..].trim_start_matches("ext").trim_start_matches(['x', '.', ' ']);
    if !rest.is_empty() && rest.len() <= 6 && rest.bytes().all(|b| b.is_ascii_digit()) { &text[..at] } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for good in ["a@b.co", "x.y+z@mail.example.org", "müller@bücher.de", "mailto:a@b.io", "o'hara@x.ie"] {
            assert!(is_email(good) && holds_email(&format!("write to <{good}>.")), "{good}");
        }
        for bad in ["icon@2x.png", "left-pad@1.3.0", "@handle", "user@localhost", "a@b", "a @b.de", "", "@", "a@.de"] {
            assert!(!is_email(bad) && !holds_email(bad), "{bad}");
        }
    }

    #[test]
    fn numbers() {
        for written in [
            "+49 30 901820",
            "+1 (212) 555-0147",
            "030/901820",
            "030 9018-200",
            "06 12 34 56 78",
            "(11) 91234-5678",
            "212-555-0147",
            "212.555.0147 x12",
            "0049 30 901820",
            "+4915112345678",
            "612 345 678",
            "tel:+34912345678",
            "(030) 901820",
            "020 7946 0018",
            "1-212-555-0147",
        ] {
            assert_eq!(phone(written), Some(Dialled::Written), "{written}");
            assert!(holds_phone(&format!("call {written}, please")) || written.contains("tel:"), "{written}");
        }
        for digits in ["0612345678", "2125550147", "01701234567"] {
            assert_eq!(phone(digits), Some(Dialled::Digits), "{digits}");
        }
        for other in [
            "2024-01-15",
            "05.06.2024 12",
            "05.06.2024",
            "978-3-16-148410-0",
            "0-306-40615-2",
            "000-123-456",
            "1.2.3.4",
            "2024-000123",
            "+1.50",
            "-3.14159265",
            "4111 1111 1111 1111",
            "192.168.100.200",
            "12345",
            "100-2345678-1234567",
            "1234567.89",
            "1 234 567",
        ] {
            assert_ne!(phone(other), Some(Dialled::Written), "{other}");
            assert!(!holds_phone(&format!("see {other} there")), "{other}");
        }
    }
}

//! SQL fragments written in a profile: predicates, conditions and sort expressions.
//!
//! They are spliced into queries in parentheses, so what is checked is that a fragment cannot reach beyond them:
//! quotes are closed, parentheses balance, there is no `;` and no comment. Whether it is valid SQL the server says.
//!
//! Sessions that share a snapshot do not share `now()`; a predicate read by two of them would choose different rows.
//! So functions that answer differently on each call or in each session are refused by name, and `{run_time}` stands
//! for the one moment of the run.

/// The only placeholder.
pub const RUN_TIME: &str = "{run_time}";

/// Puts the run's moment (a complete SQL literal) where the checked fragment says `{run_time}`.
pub fn bind_run_time(fragment: &str, literal: &str) -> String {
    // `check` admits the placeholder outside quotes only, so plain replacement is right.
    fragment.replace(RUN_TIME, literal)
}

const ADVICE: &str = "sessions of one snapshot see different values of it; write {run_time} for the moment of the run";

/// Called as functions.
const VOLATILE_FUNCTIONS: &str = "now random random_normal clock_timestamp statement_timestamp transaction_timestamp timeofday \
     gen_random_uuid gen_random_bytes uuidv4 uuidv7 uuid_generate_v1 uuid_generate_v1mc uuid_generate_v4 \
     current_time current_timestamp localtime localtimestamp nextval currval lastval setval setseed pg_sleep \
     txid_current txid_current_snapshot pg_current_xact_id pg_current_snapshot pg_backend_pid set_config \
     current_setting";

/// Words that are functions without parentheses.
const VOLATILE_WORDS: &[&str] = &["current_date", "current_time", "current_timestamp", "localtime", "localtimestamp"];

/// Texts that become the present moment when they are read as a date.
const MOMENTS: &[&str] = &["now", "today", "tomorrow", "yesterday"];

/// Checks a fragment; the answer says what is wrong with it, fit to follow "`key`: ".
///
/// # Errors
/// A sentence without a subject: `has a ";" outside quotes`.
pub fn check(fragment: &str) -> Result<(), String> {
    if fragment.trim().is_empty() {
        return Err("is empty".to_owned());
    }
    if fragment.contains('\0') {
        return Err("holds a NUL character".to_owned());
    }
    Scanner { text: fragment, at: 0, open: Vec::new(), before: Before::Nothing, dotted: false }.run()
}

/// What stands before the current place, white space aside.
enum Before {
    Nothing,
    /// An identifier, folded to lower case.
    Word(String),
    Number,
}

/// An open bracket.
struct Open {
    bracket: u8,
    /// Belongs to `age(`: with one argument that means "until today".
    age: bool,
    comma: bool,
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    open: Vec<Open>,
    before: Before,
    /// The last token was a dot, so a word after it is a column's or function's name, not a keyword.
    dotted: bool,
}

impl Scanner<'_> {
    fn run(mut self) -> Result<(), String> {
        let bytes = self.text.as_bytes();
        while let Some(&byte) = bytes.get(self.at) {
            let next = bytes.get(self.at + 1).copied();
            match byte {
                b'-' if next == Some(b'-') => return Err("holds a comment (\"--\"), which is not allowed".to_owned()),
                b'/' if next == Some(b'*') => return Err("holds a comment (\"/*\"), which is not allowed".to_owned()),
                b';' => return Err("has a \";\" outside quotes; it must be one expression".to_owned()),
                b'\'' => self.single_quoted()?,
                b'"' => self.double_quoted()?,
                b'$' => self.dollar_quoted()?,
                b'(' | b'[' => self.opens(byte)?,
                b')' | b']' => self.closes(byte)?,
                b'{' | b'}' => self.placeholder()?,
                b'0'..=b'9' => self.number(),
                byte if starts_word(byte) => self.word()?,
                byte => {
                    if byte == b','
                        && let Some(open) = self.open.last_mut()
                    {
                        open.comma = true;
                    }
                    if !byte.is_ascii_whitespace() {
                        self.before = Before::Nothing;
                        self.dotted = byte == b'.';
                    }
                    self.at += 1;
                }
            }
        }
        match self.open.last() {
            Some(open) => Err(format!("leaves a \"{}\" open", char::from(open.bracket))),
            None => Ok(()),
        }
    }

    /// With `standard_conforming_strings` off, or in `E'…'`, a backslash takes the quote's meaning away; a quote
    /// behind a backslash is therefore refused altogether, and every server agrees on where the text ends.
    fn single_quoted(&mut self) -> Result<(), String> {
        if matches!(self.before, Before::Number) {
            return Err("has a quote directly behind a number".to_owned());
        }
        let bytes = self.text.as_bytes();
        let start = self.at + 1;
        let mut at = start;
        loop {
            match bytes.get(at) {
                None => return Err("leaves a single quote open".to_owned()),
                Some(b'\'') if bytes[at - 1] == b'\\' => {
                    return Err("has a quote behind a backslash; double the quote instead".to_owned());
                }
                Some(b'\'') if bytes.get(at + 1) == Some(&b'\'') => at += 2,
                Some(b'\'') => break,
                Some(_) => at += 1,
            }
        }
        let content = &self.text[start..at];
        let mut words = content.split_whitespace();
        if let Some(word) = words.next()
            && MOMENTS.contains(&word.to_ascii_lowercase().as_str())
            && words.next().is_none_or(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        {
            return Err(format!("uses '{word}', which as a date is the present moment: {ADVICE}"));
        }
        self.quoted(content, at + 1)
    }

    fn double_quoted(&mut self) -> Result<(), String> {
        let bytes = self.text.as_bytes();
        let start = self.at + 1;
        let mut at = start;
        loop {
            match bytes.get(at) {
                None => return Err("leaves a double quote open".to_owned()),
                Some(b'"') if bytes.get(at + 1) == Some(&b'"') => at += 2,
                Some(b'"') => break,
                Some(_) => at += 1,
            }
        }
        let name = &self.text[start..at];
        self.quoted(name, at + 1)?;
        self.before = Before::Word(name.to_owned());
        Ok(())
    }

    fn dollar_quoted(&mut self) -> Result<(), String> {
        let rest = &self.text[self.at + 1..];
        let tag_length = rest.bytes().take_while(|byte| continues_word(*byte) && *byte != b'$').count();
        let tag = &rest[..tag_length];
        if rest.as_bytes().get(tag_length) != Some(&b'$') || tag.starts_with(|c: char| c.is_ascii_digit()) {
            return Err("has a \"$\" that opens no dollar quote; parameters are not allowed".to_owned());
        }
        let delimiter = &self.text[self.at..self.at + tag_length + 2];
        let start = self.at + delimiter.len();
        match self.text[start..].find(delimiter) {
            Some(length) => {
                let end = start + length;
                let content = &self.text[start..end];
                let after = end + delimiter.len();
                self.quoted(content, after)
            }
            None => Err(format!("leaves a dollar quote ({delimiter}) open")),
        }
    }

    /// Ends a quoted token.
    fn quoted(&mut self, content: &str, end: usize) -> Result<(), String> {
        if content.contains(RUN_TIME) {
            return Err("has {run_time} inside quotes; it stands for a whole value and is written without".to_owned());
        }
        self.at = end;
        self.before = Before::Nothing;
        self.dotted = false;
        Ok(())
    }

    fn opens(&mut self, bracket: u8) -> Result<(), String> {
        let mut age = false;
        if bracket == b'('
            && let Before::Word(name) = &self.before
        {
            if VOLATILE_FUNCTIONS.split(' ').any(|function| function == name) {
                return Err(format!("calls {name}(): {ADVICE}"));
            }
            age = name == "age";
        }
        self.open.push(Open { bracket, age, comma: false });
        self.before = Before::Nothing;
        self.dotted = false;
        self.at += 1;
        Ok(())
    }

    fn closes(&mut self, bracket: u8) -> Result<(), String> {
        let opener = if bracket == b')' { b'(' } else { b'[' };
        match self.open.pop() {
            Some(open) if open.bracket == opener => {
                if open.age && !open.comma {
                    return Err(format!("calls age() with one argument, which counts from today: {ADVICE}"));
                }
            }
            _ => return Err(format!("has a \"{}\" that closes nothing", char::from(bracket))),
        }
        self.before = Before::Nothing;
        self.dotted = false;
        self.at += 1;
        Ok(())
    }

    fn placeholder(&mut self) -> Result<(), String> {
        if !self.text[self.at..].starts_with(RUN_TIME) {
            return Err("has a brace outside quotes; {run_time} is the only placeholder".to_owned());
        }
        self.at += RUN_TIME.len();
        self.before = Before::Nothing;
        self.dotted = false;
        Ok(())
    }

    fn number(&mut self) {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_')).count();
        self.before = Before::Number;
        self.dotted = false;
    }

    fn word(&mut self) -> Result<(), String> {
        let rest = &self.text[self.at..];
        let length = rest.bytes().take_while(|byte| continues_word(*byte)).count();
        let word = rest[..length].to_ascii_lowercase();
        if !self.dotted && VOLATILE_WORDS.contains(&word.as_str()) {
            return Err(format!("uses {word}: {ADVICE}"));
        }
        self.at += length;
        self.before = Before::Word(word);
        self.dotted = false;
        Ok(())
    }
}

/// As the server's scanner has it: every byte of a character beyond ASCII belongs to a word.
fn starts_word(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

fn continues_word(byte: u8) -> bool {
    starts_word(byte) || byte.is_ascii_digit() || byte == b'$'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn accepts_expressions() {
        for fragment in [
            "banned_until > {run_time}",
            "email LIKE '%@example.com' OR roles ? 'admin'",
            "created_at > {run_time} - interval '30 days'",
            "tags @> '{a,b}' AND ids[1] = ANY(ARRAY[1,2])",
            "note = 'it''s; -- not a comment /*'",
            "\"weird;\"\"name\" IS NULL",
            "body = $q$ ; ' -- $q$",
            "price - -1 > 0 AND a$b = 1.5e3",
            "age(created_at, {run_time}) < interval '1 day'",
            "t.current_date = date '2020-01-01'",
            "status = 'now playing'",
            "EXISTS (SELECT FROM roles r WHERE r.user_id = users.id)",
            "größe > 3",
        ] {
            assert_eq!(check(fragment), Ok(()), "{fragment}");
        }
    }

    #[test]
    fn refuses_what_reaches_out_or_wavers() {
        for (fragment, part) in [
            ("  ", "is empty"),
            ("a = 1; DROP TABLE users", "\";\" outside quotes"),
            ("a = 1 -- all", "comment (\"--\")"),
            ("a /* b */ = 1", "comment (\"/*\")"),
            ("true) OR (true", "\")\" that closes nothing"),
            ("(a = 1", "leaves a \"(\" open"),
            ("(a = 1]", "\"]\" that closes nothing"),
            ("a = 'x", "leaves a single quote open"),
            ("\"a = 1", "leaves a double quote open"),
            ("a = $t$ x $u$", "leaves a dollar quote ($t$) open"),
            ("a = $1", "parameters are not allowed"),
            (r"a = 'x\' OR 1=1'", "quote behind a backslash"),
            ("a = 1E'x'", "directly behind a number"),
            ("a > now()", "calls now(): sessions"),
            ("a > pg_catalog.NOW ()", "calls now()"),
            ("a > \"now\"()", "calls now()"),
            ("random() < 0.1", "calls random()"),
            ("d = CURRENT_DATE", "uses current_date"),
            ("a > current_timestamp(0)", "uses current_timestamp"),
            ("a > 'Today'::date", "uses 'Today'"),
            ("a > timestamp 'tomorrow 10:00'", "uses 'tomorrow'"),
            ("age(created_at) < interval '1 day'", "age() with one argument"),
            ("a > '{run_time}'", "inside quotes"),
            ("a > {as_of}", "only placeholder"),
            ("a = '\0'", "NUL"),
        ] {
            let message = check(fragment).expect_err(fragment);
            assert!(message.contains(part), "{fragment}: {message}");
        }
    }

    #[test]
    fn binds_the_moment() {
        assert_eq!(bind_run_time("a > {run_time}", "'2026-01-01'::timestamptz"), "a > '2026-01-01'::timestamptz");
    }

    proptest! {
        #[test]
        fn never_panics(fragment in any::<String>()) {
            let _ = check(&fragment);
        }

        #[test]
        fn never_panics_on_sql_like_text(fragment in r#"([a-z(){}\[\]'"$;\\/*\-. 0-9é]|now|age|\$a\$|\{run_time\}){0,40}"#) {
            let _ = check(&fragment);
        }

        /// What was accepted stays accepted in parentheses beside another fragment: it does not reach out.
        #[test]
        fn accepted_fragments_compose(a in r#"[ab(){}'"$=\\\-. ]{1,12}"#, b in r#"[ab(){}'"$=\\\-. ]{1,12}"#) {
            if check(&a).is_ok() && check(&b).is_ok() {
                let both = format!("({a}) AND ({b})");
                prop_assert_eq!(check(&both), Ok(()));
            }
        }
    }
}

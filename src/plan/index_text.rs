//! Definitions of indexes as the server prints them: which columns they look at, and through what.

/// The condition without comparisons of the column with patterns that see only where digits, letters and other
/// characters stand, such as `!~ '^[0-9 ]*$'`: a token has them in the same places.
pub(super) fn without_shapes(condition: &str, name: &str) -> String {
    let mut rest = condition.to_owned();
    for written in spellings(name) {
        for column in [format!("({written})::text"), written] {
            for operator in [" !~ '", " ~ '"] {
                let head = format!("{column}{operator}");
                while let Some(at) = rest.find(&head) {
                    let pattern = &rest[at + head.len()..];
                    let Some(end) = pattern.find("'::text").filter(|end| is_shape(&pattern[..*end])) else { break };
                    rest.replace_range(at..at + head.len() + end + "'::text".len(), "true");
                }
            }
        }
    }
    rest
}

/// Whole classes of ASCII digits and letters, what stays in place under a token, and how often.
fn is_shape(pattern: &str) -> bool {
    let rest = ["0-9", "a-z", "A-Z"].iter().fold(pattern.to_owned(), |rest, class| rest.replace(class, ""));
    rest.chars().all(|letter| "^$[]()*+?|_-. ".contains(letter))
}

/// The key is the column in lower or upper case, whole. What is computed beyond that stands around the call, and the
/// server puts all but calls into parentheses: only a collation, an operator class or an order can follow one.
pub(super) fn is_folded(key: &str, name: &str) -> bool {
    spellings(name).iter().any(|written| {
        let calls = ["lower", "upper"].map(|call| [format!("{call}({written})"), format!("{call}(({written})::text)")]);
        let behind = |call: &String| key.strip_prefix(call.as_str());
        calls.iter().flatten().filter_map(behind).any(|rest| rest.is_empty() || rest.starts_with(' '))
    })
}

/// The keys of an index, each as the server prints it.
pub(super) fn split_keys(keys: &str) -> Vec<&str> {
    let (mut depth, mut quote, mut begun, mut found) = (0_i32, None, 0, Vec::new());
    for (at, letter) in keys.char_indices() {
        match (quote, letter) {
            (Some(begun), letter) if letter == begun => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(letter),
            (None, '(' | '[') => depth += 1,
            (None, ')' | ']') => depth -= 1,
            (None, ',') if depth == 0 => {
                found.push(keys[begun..at].trim());
                begun = at + 1;
            }
            _ => {}
        }
    }
    found.push(keys[begun..].trim());
    found
}

/// The condition asks of the column only how many characters it has.
pub(super) fn counts_letters_only(condition: &str, name: &str) -> bool {
    !mentions(&without_calls(condition, name, &["character_length", "char_length", "length"]), name)
}

/// Without calls of these functions of the server's own on the column.
fn without_calls(text: &str, name: &str, functions: &[&str]) -> String {
    let mut rest = text.to_owned();
    for written in spellings(name) {
        for function in functions {
            for argument in [written.clone(), format!("({written})::text")] {
                rest = without_call(&rest, &format!("{function}({argument})"));
            }
        }
    }
    rest
}

/// `octet_length(a)` and `app.length(a)` are no `length(a)`.
fn without_call(text: &str, call: &str) -> String {
    let mut out = String::new();
    for (nth, piece) in text.split(call).enumerate() {
        let is_part = |letter: char| letter.is_alphanumeric() || "_.\"".contains(letter);
        if nth > 0 && out.ends_with(is_part) {
            out.push_str(call);
        }
        out.push_str(piece);
    }
    out
}

/// As the server may print the name.
pub(super) fn spellings(name: &str) -> [String; 2] {
    [name.to_owned(), quoted(name)]
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The name stands in an index definition as a word of its own.
pub(super) fn mentions(definition: &str, name: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    let written = name.replace('"', "\"\"");
    definition
        .match_indices(&written)
        .any(|(at, _)| !definition[..at].ends_with(part) && !definition[at + written.len()..].starts_with(part))
}

/// What stands between the first parentheses of a definition, and what follows WHERE.
pub(super) fn parts(definition: &str) -> (&str, &str) {
    let (mut depth, mut quote, mut open) = (0_u32, None, None);
    for (at, letter) in definition.char_indices() {
        match (quote, letter) {
            (Some(begun), letter) if letter == begun => quote = None,
            (None, '\'' | '"') => quote = Some(letter),
            (None, '(') => {
                open.get_or_insert(at + 1);
                depth += 1;
            }
            (None, ')') => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    let rest = &definition[at..];
                    let condition = rest.find(" WHERE ").map_or("", |at| &rest[at + 7..]);
                    return (&definition[open.unwrap_or(at)..at], condition);
                }
            }
            _ => {}
        }
    }
    (definition, "")
}

/// The definition takes the whole row, as in `f(users.*)`, and so every column.
pub(super) fn takes_row(definition: &str) -> bool {
    let bare = without_texts(definition);
    bare.match_indices(".*").any(|(at, _)| {
        // OPERATOR(app.*) is a product.
        let operator = bare[..at].rfind("OPERATOR(");
        operator.is_none_or(|from| bare[from..at].contains(')'))
    })
}

/// Without what stands between single quotes.
fn without_texts(definition: &str) -> String {
    definition.split('\'').step_by(2).collect::<Vec<_>>().join("''")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_are_cut_at_their_parentheses() {
        let definition = "CREATE UNIQUE INDEX \"a(b\" ON public.users USING btree (lower((email)::text), \"Né\") \
                          INCLUDE (x) WHERE ((state)::text <> 'a) WHERE b'::text)";
        let (keys, condition) = parts(definition);
        assert_eq!(keys, "lower((email)::text), \"Né\"");
        assert_eq!(condition, "((state)::text <> 'a) WHERE b'::text)");
        assert_eq!(split_keys(keys), ["lower((email)::text)", "\"Né\""]);
        let keys = "\"a,b\", f(x, ARRAY[1, 2]), ((a || ','::text)) DESC, lower(\"A(\")";
        assert_eq!(split_keys(keys), ["\"a,b\"", "f(x, ARRAY[1, 2])", "((a || ','::text)) DESC", "lower(\"A(\")"]);
    }

    #[test]
    fn a_fold_is_the_whole_key() {
        for (key, folded) in [
            ("lower(email)", true),
            ("upper((email)::text)", true),
            ("lower(\"email\") COLLATE \"C\" text_pattern_ops DESC NULLS LAST", true),
            ("app.lower(email)", false),
            ("lower(emails)", false),
            ("lower(\"left\"(email, 5))", false),
            ("split_part(lower(email), '@'::text, 2)", false),
            ("\"left\"(lower((email)::text), 12)", false),
            ("((lower(email))::character varying(5))", false),
            ("(lower(email))::character varying(5)", false),
            ("((lower(email) || name))", false),
        ] {
            assert_eq!(is_folded(key, "email"), folded, "{key}");
        }
    }

    #[test]
    fn patterns_of_whole_classes_see_shapes_only() {
        for (condition, open) in [
            ("((token)::text !~ '^[0-9 ]*$'::text)", false),
            ("((token)::text ~ '^[a-zA-Z0-9-]+$'::text) AND (id > 5)", false),
            ("((token)::text !~ '^[1-9]*$'::text)", true),
            ("((token)::text ~ 'abc'::text)", true),
            ("((token)::text !~ '^[0-9]*$'::text) AND ((token)::text <> 'x'::text)", true),
        ] {
            assert_eq!(mentions(&without_shapes(condition, "token"), "token"), open, "{condition}");
        }
    }

    #[test]
    fn only_the_servers_own_functions_are_known() {
        for (check, only) in [
            ("CHECK ((char_length(body) <= 5000))", true),
            ("CHECK (((length((body)::text) > 2) AND (length(body) < 9)))", true),
            ("CHECK ((octet_length(body) <= 5000))", false),
            ("CHECK (((length(body) > 2) OR (body = ''::text)))", false),
        ] {
            assert_eq!(counts_letters_only(check, "body"), only, "{check}");
        }
    }

    #[test]
    fn whole_rows_are_seen() {
        for (definition, whole) in [
            ("f(users.*)", true),
            ("f(\"Us ers\".*), id", true),
            ("(a OPERATOR(app.*) b)", false),
            ("(a OPERATOR(app.*) b), f(users.*)", true),
            ("((email)::text ~ 'it''s.*'::text)", false),
            ("(a * 2)", false),
        ] {
            assert_eq!(takes_row(definition), whole, "{definition}");
        }
    }
}

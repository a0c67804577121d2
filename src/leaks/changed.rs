//! Where the words of a text stood that are gone: words beside each other, and what each of them was written in.

use std::ops::Range;

use super::WORDS_MAX;

/// Fed with the words of a text in order.
#[derive(Default)]
pub(super) struct Changed {
    /// Gone words beside each other.
    run: Option<Range<usize>>,
    /// Words with no space between them.
    token: Option<Token>,
    closed: Vec<Range<usize>>,
}

struct Token {
    at: Range<usize>,
    words: usize,
    /// One of its words is.
    is_gone: bool,
}

impl Changed {
    pub(super) fn add(&mut self, text: &[u8], word: Range<usize>, is_gone: bool) {
        let ended_run = if is_gone { None } else { self.run.take() };
        let is_next = |token: &Token| !has_space(&text[token.at.end..word.start]);
        let ended_token = self.token.take_if(|token| !is_next(token));
        self.close(ended_run, ended_token);
        if is_gone {
            self.run.get_or_insert(word.clone()).end = word.end;
        }
        let token = self.token.get_or_insert(Token { at: word.clone(), words: 0, is_gone: false });
        token.at.end = word.end;
        token.words += 1;
        token.is_gone |= is_gone;
    }

    pub(super) fn end(&mut self) {
        let (run, token) = (self.run.take(), self.token.take());
        self.close(run, token);
    }

    /// An address beside another one is found by itself, too; one that is alone is given once: both end together then.
    /// A token of more words than count would be looked for by its beginning, which may remain.
    fn close(&mut self, run: Option<Range<usize>>, token: Option<Token>) {
        let token = token.filter(|token| token.is_gone && token.words <= WORDS_MAX).map(|token| token.at);
        let token = token.filter(|token| run.as_ref() != Some(token));
        self.closed.extend(run.into_iter().chain(token));
    }

    /// What ended since the last call.
    pub(super) fn closed(&mut self) -> impl Iterator<Item = Range<usize>> {
        self.closed.drain(..)
    }
}

fn has_space(text: &[u8]) -> bool {
    text.utf8_chunks().any(|chunk| chunk.valid().contains(char::is_whitespace))
}

//! A made-up production: the art site's tables and rows (`fixtures/art-site`), and the files that its rows name.
//!
//! Everything is a function of row numbers: two demos of one scale hold the same rows and the same files.

use std::fs;
use std::path::Path;

use super::throwaway::Throwaway;
use crate::error::{Error, ErrorKind, Result};

/// The profile that samples it.
pub const PROFILE: &str = include_str!("../../sampling-profiles/art-site.toml");

/// Posts that get files. All of them would take longer to write than the sample takes.
const POSTS_WITH_FILES: u32 = 1000;
/// The rows tell sizes up to 60 kB; the demo's disk is spared.
const FILE_BYTES_AT_MOST: usize = 2048;

const SCHEMA: &str = include_str!("../../fixtures/art-site/01-schema.sql");
const HELPERS: &str = include_str!("../../fixtures/art-site/02-helpers.sql");
const DATA: [&str; 2] =
    [include_str!("../../fixtures/art-site/03-data-a.sql"), include_str!("../../fixtures/art-site/03-data-b.sql")];
const KEYS: [&str; 2] =
    [include_str!("../../fixtures/art-site/04-keys-a.sql"), include_str!("../../fixtures/art-site/04-keys-b.sql")];
const REFERENCES: &str = include_str!("../../fixtures/art-site/04-references.sql");
const INDEXES: &str = include_str!("../../fixtures/art-site/05-indexes.sql");
const FINISH: &str = include_str!("../../fixtures/art-site/06-finish.sql");

/// Creates the database and its rows; `scale` 1 is about 200 MB. Blocks.
///
/// # Errors
/// When the server refuses a statement.
pub fn write_rows(server: &Throwaway, database: &str, scale: f64) -> Result<()> {
    server.query_text("postgres", &format!("CREATE DATABASE {database}"))?;
    server.query_text(database, SCHEMA)?;
    server.query_text(database, &format!("SET art.scale = '{scale}';\n{HELPERS}"))?;
    side_by_side(server, database, DATA)
}

/// Keys, references, indexes, statistics. Blocks.
///
/// # Errors
/// When the server refuses a statement.
pub fn build_keys(server: &Throwaway, database: &str) -> Result<()> {
    side_by_side(server, database, KEYS)?;
    for file in [REFERENCES, INDEXES, FINISH] {
        server.query_text(database, file)?;
    }
    Ok(())
}

/// Writes the files of the first posts where the rows say they are: `shard/key.format` below `folder`. Answers how
/// many. Blocks.
///
/// # Errors
/// When the server does not answer, or a file cannot be written.
pub fn write_files(server: &Throwaway, database: &str, folder: &Path) -> Result<usize> {
    let sql = format!(
        "SELECT string_agg(concat_ws(' ', p.storage_shard, p.storage_key || '.' || f.format, f.file_bytes), E'\\n' ORDER BY f.id) \
         FROM post_files f JOIN (SELECT * FROM posts WHERE storage_shard IS NOT NULL ORDER BY id LIMIT {POSTS_WITH_FILES}) p \
         ON p.id = f.post_id"
    );
    let list = server.query_text(database, &sql)?.unwrap_or_default();
    for line in list.lines() {
        let mut words = line.split(' ');
        let (Some(shard), Some(name), Some(size)) = (words.next(), words.next(), words.next()) else { continue };
        let size = size.parse().unwrap_or_default();
        let shard = folder.join(shard);
        fs::create_dir_all(&shard).and_then(|()| fs::write(shard.join(name), content(name, size))).map_err(
            |cause| {
                Error::new(ErrorKind::Vault, format!("write the demo's files to {}", folder.display()))
                    .with_cause(cause)
                    .with_remedy("check the space and the rights of the temporary folder")
            },
        )?;
    }
    Ok(list.lines().count())
}

/// Runs two batches in a session each.
fn side_by_side(server: &Throwaway, database: &str, files: [&str; 2]) -> Result<()> {
    let [first, second] = files;
    std::thread::scope(|scope| {
        let other = scope.spawn(|| server.query_text(database, second));
        let mine = server.query_text(database, first);
        let other = other.join().unwrap_or_else(|_| Err(Error::new(ErrorKind::Unexpected, "fill the production")));
        mine.and(other).map(drop)
    })
}

/// The format's first bytes, then noise that depends on the name alone.
fn content(name: &str, size: usize) -> Vec<u8> {
    let signature: &[u8] = match name.rsplit('.').next() {
        Some("png") => b"\x89PNG\r\n\x1a\n",
        Some("gif") => b"GIF89a",
        Some("webp") => b"RIFF\0\0\0\0WEBP",
        _ => b"BM",
    };
    // FNV-1a for the start, xorshift from there: enough to make files differ.
    let mut state = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    let mut bytes = signature.to_vec();
    while bytes.len() < size.min(FILE_BYTES_AT_MOST) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_profile_is_well_formed() {
        crate::profile::Profile::parse(PROFILE, Path::new("art-site.toml")).unwrap();
    }

    #[test]
    fn files_depend_on_their_names_alone() {
        assert_eq!(content("a.png", 500), content("a.png", 500));
        assert_ne!(content("a.png", 500), content("b.png", 500));
        assert!(content("a.gif", 1 << 20).len() < FILE_BYTES_AT_MOST + 8);
    }
}

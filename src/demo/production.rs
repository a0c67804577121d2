//! A made-up production: the art site's tables and rows (`fixtures/art-site`), and the files that its rows name.
//!
//! Everything is a function of row numbers: two demos of one scale hold the same rows and the same files.

use std::fs;
use std::path::Path;

use rayon::prelude::*;

use super::throwaway::Throwaway;
use crate::error::{Error, ErrorKind, Result};
use crate::vault::{VaultPath, made_up};

/// The profile that samples it.
pub const PROFILE: &str = include_str!("../../sampling-profiles/art-site.toml");

/// The rows tell sizes up to 60 kB; the demo's disk is spared.
const FILE_BYTES_AT_MOST: usize = 2048;

/// Every file that a row names, with the size that it tells: artwork, some of it upscaled, layered sources, avatars,
/// images of the blog.
const FILES: &str = "SELECT string_agg(path || ' ' || bytes, E'\\n' ORDER BY path) FROM (
    SELECT p.storage_shard || '/' || p.storage_key || '.' || f.format AS path, f.file_bytes AS bytes
      FROM post_files f JOIN posts p ON p.id = f.post_id
    UNION SELECT storage_shard || '/' || storage_key || '_upscaled.webp', 2000 FROM posts WHERE id % 5 = 0 AND kind <> 'playlist'
    UNION SELECT 'mkpx/' || storage_shard || '/' || storage_key || '.mkpx', mkpx_file_bytes FROM posts WHERE mkpx_file_bytes IS NOT NULL
    UNION SELECT substring(avatar_url FROM '^/vault/(.+)$'), 1000 FROM users WHERE avatar_url LIKE '/vault/%'
    UNION SELECT substring(url FROM '^/vault/(.+)$'), 1500 FROM blog_posts, unnest(image_urls) AS url WHERE url LIKE '/vault/%'
  ) AS files WHERE path IS NOT NULL";

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

/// Writes the files that the rows name below `folder`. Answers how many. Blocks.
///
/// # Errors
/// When the server does not answer, or a file cannot be written.
pub fn write_files(server: &Throwaway, database: &str, folder: &Path) -> Result<usize> {
    let list = server.query_text(database, FILES)?.unwrap_or_default();
    let lines: Vec<&str> = list.lines().collect();
    let failed = |cause: std::io::Error| {
        Error::new(ErrorKind::Vault, format!("write the demo's files to {}", folder.display()))
            .with_cause(cause)
            .with_remedy("check the space and the rights of the temporary folder")
    };
    lines.par_chunks(256).try_for_each(|lines| {
        let mut made = String::new();
        for line in lines {
            let Some((path, size)) = line.rsplit_once(' ') else { continue };
            let (shard, _) = path.rsplit_once('/').unwrap_or(("", path));
            if shard != made {
                fs::create_dir_all(folder.join(shard)).map_err(failed)?;
                made = shard.to_owned();
            }
            fs::write(folder.join(path), content(path, size.parse().unwrap_or_default())).map_err(failed)?;
        }
        Ok(())
    })?;
    Ok(lines.len())
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

/// An image where the name is one of an image, else noise; of the path alone.
fn content(path: &str, size: usize) -> Vec<u8> {
    let side = u32::try_from(size % 7).unwrap_or_default() * 16 + 32;
    VaultPath::parse(path).ok().and_then(|path| made_up(&path, side, side)).unwrap_or_else(|| noise(path, size))
}

fn noise(name: &str, size: usize) -> Vec<u8> {
    // FNV-1a for the start, xorshift from there: enough to make files differ.
    let mut state = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    let mut bytes = Vec::new();
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
        assert!(content("a.gif", 40).starts_with(b"GIF8"));
        assert!(content("a.mkpx", 1 << 20).len() < FILE_BYTES_AT_MOST + 8);
    }
}

//! Examples at the end of each command's help.

pub(super) const PROGRAM: &str = "\
Examples:
  tithe demo
  tithe init --from postgresql://reader@prod/shop -o shop.toml
  tithe plan --from postgresql://reader@prod/shop --profile shop.toml
  tithe sample --from postgresql://reader@prod/shop \\
               --to postgresql://localhost/shop_dev --profile shop.toml
  tithe rollback --to postgresql://localhost/shop_dev

Exit codes: 0 complete, 1 unexpected, 2 command line, 3 finished with skipped items, 4 profile,
5 no valid plan, 6 source, 7 target, 8 files, 9 verification, 10 refused, 11 another run, 130 interrupted";

pub(super) const DEMO: &str = "\
The servers are made from the PostgreSQL programs installed here and listen on unix sockets only.
They stay until you run the line printed at the end; with --no-keep they go at once.

Examples:
  tithe demo                    about 200 MB of production, less than a minute
  tithe demo --scale 0.1        small
  tithe demo --no-keep          leave nothing behind";

pub(super) const INIT: &str = "\
Every column of every table is listed as \"keep\", with a mask, or as \"undecided\".
A run stops until nothing is undecided. Besides the catalog a few rows of each table are read, in one
read-only snapshot, to see what columns hold; no value is kept or printed.

Examples:
  tithe init --from postgresql://reader@prod/shop -o shop.toml
  tithe init --from \"host=/run/postgresql dbname=shop\" --root customers";

pub(super) const PROFILE: &str = "\
A profile decides every column. When production gains one, runs stop until it is decided: `check` tells
what is missing (exit code 4), `update` writes it down as \"undecided\" with a proposal, and `scan` looks for
personal data in what is kept.

Examples:
  tithe profile check --profile shop.toml
  tithe profile check --profile shop.toml --from postgresql://reader@prod/shop --json
  tithe profile update --profile shop.toml --from postgresql://reader@prod/shop --dry-run
  tithe profile scan --profile shop.toml --from postgresql://reader@prod/shop
  tithe profile diff shop.toml shop-strict.toml
  tithe profile schema > profile.schema.json";

pub(super) const PROFILE_CHECK: &str = "\
Only the catalog is read, no row. All problems are told at once, each with file, line and column.

Examples:
  tithe profile check --profile shop.toml       keys, values and rules; no server is asked
  tithe profile check --profile shop.toml --from postgresql://reader@prod/shop

Exit codes: 0 nothing is wrong, 4 something is";

pub(super) const PROFILE_UPDATE: &str = "\
New columns are added to their table's section and new tables at the end, every column \"undecided\", with
a proposal and its reason beside it. Columns and tables that are gone are commented out (`# gone: `).
Nothing else in the file changes; a second run changes nothing.

Examples:
  tithe profile update --profile shop.toml --from postgresql://reader@prod/shop
  tithe profile update --profile shop.toml --from postgresql://reader@prod/shop --dry-run";

pub(super) const PROFILE_DIFF: &str = "\
Two profiles: what they mean, not how they are written. A profile and a database: what was gained and
lost since it was written, and rules that no longer suit their columns' types.

Examples:
  tithe profile diff shop.toml shop-strict.toml
  tithe profile diff shop.toml --from postgresql://reader@prod/shop --json";

pub(super) const PROFILE_SCHEMA: &str = "\
Editors complete and check profiles that begin with  #:schema ./profile.schema.json

Examples:
  tithe profile schema > profile.schema.json";

pub(super) const PROFILE_SCAN: &str = "\
A few rows of each table are read, in one read-only snapshot, and columns listed that look personal but are
kept, undecided or masked too little. That nothing was found does not mean that a column is clean.

Examples:
  tithe profile scan --from postgresql://reader@prod/shop --profile shop.toml
  tithe profile scan --from shop --profile shop --rows 2000 --allow posts.slug --json

Exit codes: 0 nothing was found, 3 neither, but something was not looked at, 4 something was";

pub(super) const PLAN: &str = "\
Examples:
  tithe plan --from postgresql://reader@prod/shop --profile shop.toml
  tithe plan --from postgresql://reader@prod/shop --profile shop.toml --percent 2 --json";

pub(super) const SAMPLE: &str = "\
The source is only read, in one snapshot; a role with SELECT, or a hot standby, is enough. The new
database is built beside the target and swapped in once it is proven; the old one stays for a rollback.

Masks need a secret in the environment, kept with your secrets, so that equal values get equal masks
every night:  export TITHE_KEY=$(openssl rand -hex 32)

Examples:
  tithe sample --percent 10 --profile shop.toml \\
               --from postgresql://reader@prod/shop --to postgresql://localhost/shop_dev
  tithe sample --rows 500 --seed monday --profile shop --from shop --to shop_dev --json
  tithe sample --profile shop --yes --log /var/log/tithe.log
                                              (for a timer; TITHE_FROM and TITHE_TO say where)";

pub(super) const VERIFY: &str = "\
Examples:
  tithe verify --to postgresql://localhost/shop_dev
  tithe verify --to postgresql://localhost/shop_dev \\
               --from postgresql://reader@prod/shop --profile shop.toml";

pub(super) const REPORT: &str = "\
Reports are kept in $XDG_STATE_HOME/tithe/runs. The page is one file without script or network; like
the report it names tables and columns and holds no value of any row.

TITHE_SIGN_KEY names a file that only you may read:
  openssl genpkey -algorithm ed25519 -out sign.pem; chmod 600 sign.pem
  openssl pkey -in sign.pem -pubout -out sign.pub

Examples:
  tithe report                                    the latest run
  tithe report 20261121T0742 --html run.html
  tithe report --attest run.attest.json           (signed with TITHE_SIGN_KEY)
  tithe report --check run.attest.json --public-key sign.pub";

pub(super) const ROLLBACK: &str = "\
The database that a run replaced is kept beside the target as NAME__prev.
Rolling back twice is rolling forward. Files that the run replaced or removed
go along, in a folder, on another machine or in a bucket, as long as they are
in its trash; what you changed stays. Where files could not go along, the exit
code is 3. A rollback that ended midway is finished by running it again.

Examples:
  tithe rollback --to postgresql://localhost/shop_dev
  tithe rollback --no-vault --to postgresql://localhost/shop_dev    rows alone";

pub(super) const GRAPH: &str = "\
Examples:
  tithe graph --from postgresql://reader@prod/shop --format svg > shop.svg
  tithe graph --from postgresql://reader@prod/shop --profile shop.toml | dot -Tpdf > shop.pdf";

pub(super) const EXPLAIN: &str = "\
Examples:
  tithe explain comments 4711 --from postgresql://reader@prod/shop --profile shop.toml
  tithe explain order_items 17,3 --from postgresql://reader@prod/shop --profile shop.toml";

pub(super) const VAULT: &str = "\
Which files: those that the rows of a landed database name ([[vault.files]] in the profile), or a list.
Only files that Tithe brought and nobody changed since are ever replaced or removed, and then kept in
the vault's trash for a while.

Examples:
  tithe vault plan --to shop_dev --profile shop --vault-from /srv/shop/files --vault-to ~/shop/files
  tithe vault sync --to shop_dev --profile shop --vault-from /srv/shop/files --vault-to ~/shop/files
  tithe vault sync --files-from list.txt --vault-from /srv/a --vault-to /srv/b
  tithe vault sync --files-from list.txt --vault-from s3://shop/files --vault-to ~/shop/files
  tithe vault status --vault-to ~/shop/files
  tithe vault verify --to shop_dev --profile shop --vault-to ~/shop/files";

pub(super) const COMPLETIONS: &str = "\
Examples:
  tithe completions bash > ~/.local/share/bash-completion/completions/tithe
  tithe completions zsh > \"${fpath[1]}/_tithe\"
  tithe completions fish > ~/.config/fish/completions/tithe.fish";

pub(super) const MAN: &str = "\
Examples:
  tithe man > ~/.local/share/man/man1/tithe.1";

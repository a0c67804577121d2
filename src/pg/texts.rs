//! The schema's own texts: they travel with it, whatever becomes of the rows.

use super::rows::RowStream;
use super::source::Source;
use crate::copyfmt::Format;
use crate::error::Result;

/// Texts that are read.
pub const TEXTS_MAX: u32 = 20_000;
/// Characters of one text. The rest of a longer one is nobody's handwriting.
const TEXT_MAX_CHARS: u32 = 1 << 20;

/// Gives the texts, with where they stand, to `look`: comments, defaults, views, functions, rules, triggers, policies,
/// constraints, conditions and expressions of indexes, bounds of partitions, labels of enums. Answers whether those
/// were all.
///
/// # Errors
/// The source's.
pub async fn schema_texts(
    source: &Source,
    server_version: u32,
    look: &mut (dyn FnMut(&str, &str) + Send),
) -> Result<bool> {
    let session = source.session().await?;
    let action = "look at the schema's texts";
    let select = select(server_version);
    let mut stream = RowStream::open(&session, source.connector(), &select, Format::Binary, action.to_owned()).await?;
    let mut texts = 0;
    while let Some(fields) = stream.next().await? {
        texts += 1;
        if texts > TEXTS_MAX {
            continue;
        }
        if let (Some(place), Some(text)) = (fields.get(0), fields.get(1)) {
            look(&String::from_utf8_lossy(place), &String::from_utf8_lossy(text));
        }
    }
    Ok(texts <= TEXTS_MAX)
}

/// Objects of the database's users have numbers from 16384 on; what extensions bring is public.
fn own(class: &str, oid: &str) -> String {
    format!(
        "{oid} >= 16384 AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.deptype = 'e' \
         AND d.classid = '{class}'::regclass AND d.objid = {oid})"
    )
}

fn select(server_version: u32) -> String {
    // Functions written BEGIN ATOMIC have no source text.
    let body = if server_version >= 140_000 { "coalesce(pg_get_function_sqlbody(p.oid), prosrc)" } else { "prosrc" };
    let function = "p.oid::regprocedure";
    let parts = [
        "SELECT 'comment on ' || pg_describe_object(classoid, objoid, objsubid), description FROM pg_description \
             WHERE objoid >= 16384 AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.deptype = 'e' \
             AND d.classid = classoid AND d.objid = objoid)"
            .to_owned(),
        format!(
            "SELECT 'default of ' || adrelid::regclass || '.' || attname, pg_get_expr(adbin, adrelid) FROM pg_attrdef \
             JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum WHERE {}",
            own("pg_class", "adrelid")
        ),
        format!(
            "SELECT 'default of domain ' || t.oid::regtype, typdefault FROM pg_type t WHERE typtype = 'd' AND {}",
            own("pg_type", "t.oid")
        ),
        format!(
            "SELECT 'view ' || oid::regclass, pg_get_viewdef(oid) FROM pg_class WHERE relkind IN ('v', 'm') AND {}",
            own("pg_class", "pg_class.oid")
        ),
        format!("SELECT 'function ' || {function}, {body} FROM pg_proc p WHERE {}", own("pg_proc", "p.oid")),
        format!(
            "SELECT 'arguments of function ' || {function}, pg_get_expr(proargdefaults, 0) FROM pg_proc p WHERE {}",
            own("pg_proc", "p.oid")
        ),
        format!(
            "SELECT 'settings of function ' || {function}, array_to_string(proconfig, ' ') FROM pg_proc p WHERE {}",
            own("pg_proc", "p.oid")
        ),
        format!(
            "SELECT 'constraint ' || conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype IN ('c', 'x') \
             AND {}",
            own("pg_constraint", "pg_constraint.oid")
        ),
        format!(
            "SELECT 'index ' || indexrelid::regclass, pg_get_indexdef(indexrelid) FROM pg_index \
             WHERE (indpred IS NOT NULL OR indexprs IS NOT NULL) AND {}",
            own("pg_class", "indrelid")
        ),
        format!(
            "SELECT 'partition ' || c.oid::regclass, pg_get_expr(relpartbound, c.oid) FROM pg_class c \
             WHERE relispartition AND relkind IN ('r', 'p', 'f') AND {}",
            own("pg_class", "c.oid")
        ),
        format!(
            "SELECT 'policy ' || polname || ' on ' || polrelid::regclass, \
             concat_ws(' ', pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)) FROM pg_policy WHERE {}",
            own("pg_class", "polrelid")
        ),
        format!(
            "SELECT 'trigger ' || tgname || ' on ' || tgrelid::regclass, pg_get_triggerdef(oid) FROM pg_trigger \
             WHERE NOT tgisinternal AND {}",
            own("pg_class", "tgrelid")
        ),
        format!(
            "SELECT 'rule ' || rulename || ' on ' || ev_class::regclass, pg_get_ruledef(oid) FROM pg_rewrite \
             WHERE rulename <> '_RETURN' AND {}",
            own("pg_class", "ev_class")
        ),
        format!(
            "SELECT 'label of type ' || enumtypid::regtype, enumlabel FROM pg_enum WHERE {}",
            own("pg_type", "enumtypid")
        ),
    ];
    let texts = parts.join(" UNION ALL ");
    let limit = TEXTS_MAX + 1;
    format!(
        "SELECT place, left(text, {TEXT_MAX_CHARS}) FROM ({texts}) AS texts(place, text) \
         WHERE text <> '' ORDER BY place LIMIT {limit}"
    )
}

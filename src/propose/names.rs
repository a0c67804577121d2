//! What a column is likely to hold, judged by its name.
//!
//! A guess and nothing more: it only chooses what `init` proposes, and a person reads every line of that. English
//! first, then the commonest words of German, French, Spanish and Portuguese schemas.

/// A class of contents that a name can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Email,
    Phone,
    FirstName,
    LastName,
    FullName,
    Username,
    Street,
    City,
    PostalCode,
    Company,
    Ip,
    Password,
    Token,
    Digest,
    UserAgent,
    BirthDate,
    Money,
    Location,
    PaymentCard,
    NationalId,
    Website,
    Url,
    FreeText,
    Code,
    OutsideId,
    /// `name`, `title`: of whom or what, the table must say.
    Name,
}

use Meaning::{
    BirthDate, City, Code, Company, Digest, Email, FirstName, FreeText, FullName, Ip, LastName, Location, Money, Name,
    NationalId, OutsideId, Password, PaymentCard, Phone, PostalCode, Street, Token, Url, UserAgent, Username, Website,
};

/// Words, spaces and underscores removed, accents folded. The first class with a word in the name wins, so the order
/// decides `password_hash` (a password), `email_token` (a token) and `ip_hash` (a digest).
const WORDS: &[(Meaning, &str)] = &[
    (Password, "password passwd pwd passphrase encryptedpassword passwort kennwort motdepasse contrasena senha"),
    (
        Token,
        "token secret apikey privatekey accesskey secretkey keypem certpem pem otp otpcode totp pin pincode \
         salt credential credentials session sessionkey sessiondata sessionid cookie csrf nonce signature \
         recoverycode resetcode verificationcode registrationcode invitecode backupcodes serialnumber jeton \
         webhooksecret",
    ),
    (Digest, "hash digest checksum fingerprint md5 sha1 sha256 etag"),
    (Email, "email mail emailaddress mailaddress courriel correo epost"),
    (
        Phone,
        "phone phonenumber telephone mobile cell cellphone fax msisdn whatsapp tel telefon telefono telefone \
         handynummer celular movil",
    ),
    (
        BirthDate,
        "birth birthday birthdate birthyear dateofbirth dob born geburtstag geburtsdatum naissance \
         datedenaissance nacimiento nascimento",
    ),
    (
        PaymentCard,
        "card cardnumber creditcard ccnumber pan cvv cvc iban bic accountnumber bankaccount routingnumber \
         kontonummer",
    ),
    (
        NationalId,
        "ssn socialsecurity nationalid passport passportnumber taxid vatid vatnumber taxnumber driverlicense \
         licenseplate dni nif cpf cnpj curp steuernummer personalausweis siret",
    ),
    (Money, "salary wage income gehalt lohn salaire salario"),
    (Location, "lat lon lng latitude longitude geo geom geolocation coordinates coords gps"),
    (UserAgent, "useragent browser"),
    (Ip, "ip ipaddress ipaddr ipv4 ipv6 remoteaddr remoteaddress clientip lastip currentip"),
    (FirstName, "firstname givenname forename fname middlename vorname prenom nombre primeironome"),
    (
        LastName,
        "lastname surname familyname lname maidenname nachname familienname nomdefamille apellido apellidos \
         sobrenome",
    ),
    (Username, "username login loginname handle nickname nick screenname benutzername identifiant pseudo usuario"),
    (
        FullName,
        "fullname displayname realname legalname contactname customername personname authorname ownername \
         cardholder recipient sender nomecompleto nombrecompleto",
    ),
    (PostalCode, "zip zipcode postcode postalcode plz postleitzahl codepostal codigopostal cep"),
    (
        Street,
        "street address addressline address1 address2 line1 line2 streetaddress strasse adresse anschrift \
         rue calle direccion rua endereco",
    ),
    (City, "city town locality stadt wohnort ville ciudad cidade"),
    (Company, "company companyname organization organisation employer firma entreprise empresa"),
    (Website, "website homepage blog"),
    (Url, "url uri link avatar photo picture image"),
    (
        FreeText,
        "bio about body note notes message comment comments description text content summary preview reason \
         feedback review answer question subject tagline html markdown details remarks bemerkung \
         beschreibung commentaire comentario descripcion mensaje mensagem error errormessage query search \
         payload data metadata",
    ),
    (
        Code,
        "country countrycode locale lang language currency status type kind emoji color colour slug timezone \
         tz format extension mimetype contenttype version unit mode category level channel state role roles \
         tag tags hashtags priority severity platform device icon sku gateway scope action event plan theme \
         shard land provider source method class model pays pais waehrung farbe sprache estado statut codigo \
         code",
    ),
    (Name, "name title label nom nome titel titre titulo bezeichnung"),
];

/// Last words that make the whole a code, whatever stands before: `phone_type`, `email_status`.
const CODES: &str = "type kind status format mode level category locale template enabled";

/// Words of tables that hold people.
const PEOPLE: &str = "user person people customer member employee contact account author patient student client profile \
     subscriber staff driver guest tenant buyer seller benutzer kunde kunden personen mitglied utilisateur \
     usuario cliente pessoa";

/// Words of tables that hold secrets or what may be lost: sessions, tokens, queues.
const FLEETING: &str = "token session otp onetimecode nonce magiclink passwordreset verification verificationcode captcha \
     ratelimit idempotencykey apikey oauthgrant oauthcode refreshtoken invitation recoverycode challenge";

/// Words of tables that record what happened.
const LOGS: &str = "log logs audit history event trace queue job cache outbox inbox webhook delivery request";

/// The meaning of a column's name, if it tells one.
pub(super) fn meaning(column: &str) -> Option<Meaning> {
    let tokens = tokens(column);
    // Many tokens make no name that is listed, and would cost the square of their number.
    let tokens = &tokens[..tokens.len().min(12)];
    let last = tokens.last()?;
    if tokens.len() > 1 && CODES.split(' ').any(|code| code == last) {
        return Some(Code);
    }
    let listed = WORDS.iter().find(|(_, words)| has_word(tokens, words)).map(|(meaning, _)| *meaning);
    match listed {
        Some(FreeText | Name | Company) if tokens.len() > 1 && last == "code" => Some(Code),
        // `stripe_customer_id`, `provider_user_id`, `external_ref`: known to somebody outside. A name that says more
        // (`session_id`, `tax_id`) has been found already.
        None | Some(Name | Code | FreeText | Company | Url)
            if tokens.len() > 1 && matches!(last.as_str(), "id" | "uid" | "ref") =>
        {
            Some(OutsideId)
        }
        other => other,
    }
}

/// The table's name says that its rows are people.
pub(super) fn holds_people(table: &str) -> bool {
    // The last word says what a row is: `user_settings` are settings, `app_users` are users.
    tokens(table).last().is_some_and(|last| listed(PEOPLE, last))
}

/// The table's name speaks of secrets or sessions.
pub(super) fn is_fleeting(table: &str) -> bool {
    has_word(&tokens(table), FLEETING)
}

/// The table's name speaks of records of what happened.
pub(super) fn is_log(table: &str) -> bool {
    has_word(&tokens(table), LOGS)
}

/// A run of tokens, written together, is one of the words; a plural counts.
fn has_word(tokens: &[String], words: &str) -> bool {
    (0..tokens.len()).any(|from| {
        let mut joined = String::new();
        tokens[from..].iter().any(|token| {
            joined.push_str(token);
            listed(words, &joined)
        })
    })
}

/// One of the words, or its plural.
fn listed(words: &str, word: &str) -> bool {
    let stem = singular(word);
    words.split(' ').any(|listed| listed == word || listed == stem)
}

fn singular(word: &str) -> &str {
    word.strip_suffix('s').filter(|stem| stem.len() > 2 && !stem.ends_with('s')).unwrap_or(word)
}

/// Lower-case words of a name in snake_case, camelCase or anything else; accents folded; digits stay with their word
/// (`address1`).
fn tokens(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut lower_before = false;
    for c in name.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && lower_before) {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            c.to_lowercase().for_each(|c| fold(c, word));
        }
        lower_before = c.is_lowercase() || c.is_numeric();
    }
    words.retain(|word| !word.is_empty());
    words
}

fn fold(c: char, word: &mut String) {
    match c {
        'à' | 'á' | 'â' | 'ã' | 'å' => word.push('a'),
        'ä' => word.push_str("ae"),
        'ç' => word.push('c'),
        'è' | 'é' | 'ê' | 'ë' => word.push('e'),
        'ì' | 'í' | 'î' | 'ï' => word.push('i'),
        'ñ' => word.push('n'),
        'ò' | 'ó' | 'ô' | 'õ' => word.push('o'),
        'ö' => word.push_str("oe"),
        'ù' | 'ú' | 'û' => word.push('u'),
        'ü' => word.push_str("ue"),
        'ß' => word.push_str("ss"),
        c => word.push(c),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_tell() {
        for (name, expected) in [
            ("email", Some(Email)),
            ("emailAddress", Some(Email)),
            ("contact_e_mail", Some(Email)),
            ("E-Mail", Some(Email)),
            ("email_status", Some(Code)),
            ("phone_type", Some(Code)),
            ("firstName", Some(FirstName)),
            ("user_first_name", Some(FirstName)),
            ("Prénom", Some(FirstName)),
            ("handle_normalized", Some(Username)),
            ("display_name", Some(FullName)),
            ("name", Some(Name)),
            ("password_hash", Some(Password)),
            ("ip_hash", Some(Digest)),
            ("viewer_ip_hash", Some(Digest)),
            ("author_ip", Some(Ip)),
            ("clip", None),
            ("flat", None),
            ("Straße", Some(Street)),
            ("address2", Some(Street)),
            ("postal_code", Some(PostalCode)),
            ("country_code", Some(Code)),
            ("date_of_birth", Some(BirthDate)),
            ("avatar_url", Some(Url)),
            ("website", Some(Website)),
            ("provider_user_id", Some(OutsideId)),
            ("reason_code", Some(Code)),
            ("otp_code", Some(Token)),
            ("stripe_charge_id", Some(OutsideId)),
            ("session_id", Some(Token)),
            ("tax_id", Some(NationalId)),
            ("hashtags", Some(Code)),
            ("xyzzy", None),
            ("", None),
            ("___", None),
        ] {
            assert_eq!(meaning(name), expected, "{name}");
        }
    }

    #[test]
    fn tables_tell() {
        for table in ["users", "app_users", "Customers", "people", "accounts"] {
            assert!(holds_people(table), "{table}");
        }
        assert!(!holds_people("user_settings"));
        for table in ["refresh_tokens", "sessions", "email_verification_tokens", "password_resets", "otps"] {
            assert!(is_fleeting(table), "{table}");
        }
        assert!(!is_fleeting("posts"));
        assert!(is_log("audit_logs") && is_log("site_events") && !is_log("blogs"));
    }

    proptest! {
        #[test]
        fn never_panics(name in any::<String>()) {
            let _ = (meaning(&name), holds_people(&name), is_fleeting(&name), is_log(&name));
        }
    }
}

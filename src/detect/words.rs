//! Words of columns' and tables' names, by what they tell. English first, then German, French, Spanish, Portuguese,
//! Italian, Dutch, Polish, and the commonest of Russian, Turkish, Chinese and Japanese in Latin letters.
//!
//! Written as names are compared: lower case, accents folded, blanks and underscores removed.

use super::names::Meaning;
use Meaning::{
    BirthDate, City, Code, Company, Cookie, Digest, Email, FirstName, FreeText, FullName, Iban, Ip, Key, LastName,
    Location, Mac, Money, Name, NationalId, Password, PaymentCard, Phone, PostalCode, Serial, Street, Token, Url,
    UserAgent, Username, Website,
};

/// The first class with a word in the name wins, so the order decides `password_hash` (a password), `email_token` (a
/// token) and `ip_hash` (a digest).
pub(super) const WORDS: &[(Meaning, &str)] = &[
    (
        Password,
        "password passwd pwd passphrase encryptedpassword passwort kennwort motdepasse mdp contrasena contrasenia \
         clave senha parola parol haslo wachtwoord losenord sifre mima hashedpw pw passcode",
    ),
    (Key, "privatekey publickey keypem certpem pem certificate certificat certificado zertifikat sshkey clientcert"),
    (Cookie, "cookie cookies setcookie"),
    (
        Token,
        "token secret apikey accesskey secretkey otp otpcode totp pin pincode salt credential credentials session \
         sessionkey sessiondata sessionid csrf nonce signature recoverycode resetcode verificationcode \
         registrationcode invitecode backupcodes serialnumber jeton webhooksecret geheimnis cledapi claveapi \
         claveacceso chaveapi ficha magiclink bearer jwt pushtoken devicetoken fcmtoken",
    ),
    (Digest, "hash digest checksum fingerprint md5 sha1 sha256 sha512 etag empreinte pruefsumme huella"),
    (
        Email,
        "email mail emailaddress mailaddress courriel correo correoelectronico epost eposta pochta elpochta \
         elektronnayapochta youxiang mejl mailadresse emailadresse adressemail adressemel mel enderecoeletronico \
         correio correioeletronico meruadoresu rcptto mailto replyto",
    ),
    (
        Phone,
        "phone phonenumber telephone mobile cell cellphone fax msisdn whatsapp tel telefon telefono telefone \
         handynummer handy handynr celular movil telefonnummer telnr rufnummer mobilnummer mobiltelefon festnetz \
         portable fixe numtel numerodetelephone telemovel telemovil telefoonnummer telefoon mobiel nrtelefonu komorka \
         shouji shoujihao dianhua denwa denwabango ceptelefonu phonehome phonework landline telephonenumber",
    ),
    (
        City,
        "birthplace placeofbirth birthcity geburtsort lieunaissance lieudenaissance lugarnacimiento lugardenacimiento \
         localnascimento localdenascimento luogonascita luogodinascita",
    ),
    (
        BirthDate,
        "birth birthday birthdate birthyear dateofbirth dob born geburtstag geburtsdatum geburtsjahr geboren gebdat \
         naissance datedenaissance datenaissance anniversaire nacimiento fechanacimiento fechadenacimiento fechanac \
         nascimento datanascimento datadenascimento datanasc datanascita datadinascita nascita aniversario \
         cumpleanos geboortedatum geboortejaar dataurodzenia urodzenia fodelsedatum datarozhdeniya denrozhdeniya \
         rozhdeniya dogumtarihi shengri chushengriqi seinengappi tanjobi yearofbirth",
    ),
    (
        Iban,
        "iban accountnumber bankaccount routingnumber kontonummer bic swift swiftcode kontonr compteiban rib \
         cuentabancaria numerocuenta contabancaria numeroconta rekeningnummer nrkonta schet raschetnyschet",
    ),
    (
        PaymentCard,
        "card cardnumber creditcard ccnumber ccnum pan cvv cvc kreditkarte kreditkartennummer kartennummer cartebancaire \
         numerocarte numcarte tarjeta numerotarjeta tarjetacredito cartao numerocartao cartaocredito nomerkarty",
    ),
    (
        NationalId,
        "ssn socialsecurity socialsecuritynumber socialsecurityno nationalid nationalidentifier passport passportnumber \
         passportno taxid vatid vatnumber taxnumber driverlicense driverslicense licenseplate dni nie nif cif nss cpf \
         cnpj curp rfc steuernummer steuerid steueridentifikationsnummer personalausweis ausweisnummer \
         sozialversicherungsnummer svnummer siret nir numerosecu securitesociale numerosecuritesociale insee \
         numerodesecuritesociale documentoidentidad numerodocumento numerodni passeport pasaporte passaporte \
         contribuinte numerocontribuinte cartaocidadao codicefiscale codfiscale partitaiva bsn burgerservicenummer \
         pesel nrdowodu personnummer personnr inn snils pasport nomerpasporta tckimlik tckimlikno kimlikno shenfenzheng \
         shenfenzhenghao mynumber aadhaar nino nationalinsurance nationalinsurancenumber ninumber idnumber rut cedula \
         identitycard",
    ),
    (
        Money,
        "salary wage wages income gehalt lohn salaire salario sueldo stipendio ordenado vencimento zarplata remuneration",
    ),
    (
        Location,
        "lat lon lng latitude longitude geo geom geolocation coordinates coords gps coordonnees koordinaten \
         breitengrad laengengrad coordenadas latitud longitud latlng latlong",
    ),
    (UserAgent, "useragent browser httpuseragent navigateur navegador browseragent"),
    (Mac, "mac macaddress macaddr hwaddr hardwareaddress macadresse adressemac direccionmac bssid"),
    (
        Ip,
        "ip ipaddress ipaddr ipv4 ipv6 remoteaddr remoteaddress clientip lastip currentip ipadresse adresseip \
         direccionip enderecoip xforwardedfor remoteip remotehost",
    ),
    (
        FirstName,
        "firstname givenname forename fname middlename vorname vornamen rufname prenom prenoms \
         primernombre segundonombre nombredepila primeironome nomeproprio prenome voornaam imie fornamn imya otchestvo \
         namae mingzi",
    ),
    (
        LastName,
        "lastname surname familyname lname maidenname nachname familienname zuname geburtsname nomdefamille nomfamille \
         nomusage nomjeunefille apellido apellidos primerapellido segundoapellido apellidopaterno apellidomaterno \
         sobrenome apelido ultimonome cognome achternaam nazwisko efternamn familiya soyad soyadi soyisim myoji secondname",
    ),
    (
        Username,
        "username login loginname handle nickname nick screenname benutzername nutzername anmeldename identifiant \
         nomutilisateur nomdutilisateur pseudo pseudonyme usuario nombreusuario nombredeusuario nomeusuario \
         nomedeusuario utilizador apelidousuario gebruikersnaam logowania kullaniciadi yonghuming imyapolzovatelya logon",
    ),
    (
        FullName,
        "fullname displayname realname legalname contactname customername personname authorname ownername \
         cardholder recipient sender nomecompleto nombrecompleto nomcomplet vollername vollstaendigername kundenname \
         ansprechpartner empfaenger absender kontoinhaber karteninhaber destinataire expediteur titulairecarte titulaire \
         destinatario remitente remetente titular nombrecliente nomecliente nomclient nomeecognome nominativo \
         imieinazwisko fio polnoeimya adsoyad xingming shimei accountholder beneficiary patientname clientname \
         employeename nameoncard signatory emergencycontact nombreapellidos nomprenom prenomnom vorundnachname \
         contactperson",
    ),
    (
        PostalCode,
        "zip zipcode postcode postalcode plz postleitzahl codepostal codigopostal codpostal cep pochtovyindeks \
         kodpocztowy postnummer postakodu youbian",
    ),
    (
        Street,
        "street address addressline address1 address2 line1 line2 streetaddress strasse adresse anschrift strassenname \
         hausnummer rue adressepostale calle direccion domicilio rua endereco morada logradouro indirizzo ulica adres \
         gatuadress straat straatnaam adresas ulitsa dizhi jusho sokak homeaddress shippingaddress billingaddress \
         lieferadresse rechnungsadresse wohnadresse adresselivraison voie numerovoie direccionenvio pata",
    ),
    (
        City,
        "city town locality stadt wohnort ort ville commune ciudad poblacion municipio localidad cidade municipio \
         localidade citta comune woonplaats miasto gorod sehir chengshi hometown",
    ),
    (
        Company,
        "company companyname organization organisation employer firma firmenname arbeitgeber unternehmen entreprise \
         employeur raisonsociale societe empresa razonsocial empleador empregador razaosocial azienda bedrijf kompaniya \
         gongsi",
    ),
    (Website, "website homepage blog siteweb paginaweb sitioweb"),
    (
        Serial,
        "ordernumber orderno ordernum orderref invoicenumber invoiceno invoice trackingnumber trackingno ticketnumber \
         ticketno sku isbn ean gtin upc asin partnumber partno batchnumber lotnumber version build buildnumber release \
         firmware revision commit commitsha gitsha uuid guid objectid bestellnummer rechnungsnummer auftragsnummer \
         artikelnummer vorgangsnummer lieferscheinnummer numerofacture numfacture numerocommande numcommande numerodecommande \
         referencecommande numerofactura numeropedido numerodepedido factura fatura numerofatura numeronotafiscal \
         numeroderastreio codigoproducto codigoproduto referencia reference docnumber documentnumber flightnumber \
         contractnumber ordernr nomerzakaza dingdanhao storagekey blurhash barcode modelnumber filehash contenthash colourhash colorhash",
    ),
    (Url, "url uri link avatar photo picture image href lien enlace foto bild"),
    (
        FreeText,
        "bio about body note notes message comment comments description text content summary preview reason \
         feedback review answer question subject tagline html markdown details remarks bemerkung bemerkungen \
         beschreibung nachricht kommentar notiz notizen betreff inhalt commentaire commentaires remarque remarques \
         contenu objet avis comentario comentarios descripcion descricao mensaje mensagem observaciones observacoes \
         observacao nota notas asunto assunto resumen resumo anotaciones \
         biografia biographie biografie opis uwagi opmerking opmerkingen zametki kommentariy opisanie soobshchenie beizhu \
         error errormessage query search payload data metadata request response transcript",
    ),
    (
        Code,
        "country countrycode locale lang language currency status type kind emoji color colour slug timezone \
         tz format extension mimetype contenttype unit mode category level channel state role roles \
         tag tags hashtags priority severity platform device icon gateway scope action event plan theme \
         shard land provider source method class model pays pais waehrung farbe sprache estado statut codigo \
         code couleur langue devise idioma moneda moeda cor tipo typ art kategorie categorie categoria rolle rol \
         department abteilung departement departamento bundesland region provincia provincie genre size groesse taille \
         tamano tamanho plattform permission permissions visibility phase stage step product artikel produit \
         producto produto brand marke marque marca hostname modelname",
    ),
    (Name, "name title label nom nome nombre nombres titel titre titulo bezeichnung naam nazwa naziv ad imye"),
];

/// Last words that make the whole a code or a number, whatever stands before: `phone_type`, `email_verified_at`.
pub(super) const CODES: &str = "type kind status format mode level category locale template enabled typ art tipo statut estado count \
     total limit size length attempts retries ttl verified confirmed visible visibility expires expiry at seconds minutes \
     days hours required optional position rank score rate ratio percent preference pref frequency flag anzahl \
     quantity qty aktiv active allowed blocked opt optin optout domain provider extension prefix label policy strength ms kb mb bytes px pct kg cm";

/// Words that, glued before another, leave its meaning: `useremail`, `workphone`.
pub(super) const GLUED: &str = "user usr cust customer client contact home work office private primary secondary my billing shipping \
     kunden kunde nutzer benutzer mitarbeiter patient member account emp employee alternate backup";

/// Parts of longer words, long enough to stand for themselves.
pub(super) const STEMS: &[(Meaning, &str)] = &[
    (Password, "passwor"),
    (Email, "emailadr"),
    (Email, "emailaddr"),
    (Phone, "telefonnu"),
    (Phone, "phonenumb"),
    (Phone, "telephon"),
    (BirthDate, "geburtsdat"),
    (BirthDate, "geburtsjahr"),
    (BirthDate, "dateofbirth"),
    (BirthDate, "birthdate"),
    (PaymentCard, "kreditkarte"),
    (FirstName, "vorname"),
    (FirstName, "firstname"),
    (LastName, "nachname"),
    (LastName, "lastname"),
    (LastName, "familienname"),
    (Street, "anschrift"),
];

/// Words of tables that hold people.
pub(super) const PEOPLE: &str = "user person people customer member employee contact account author patient student client profile \
     subscriber staff driver guest tenant buyer seller teacher donor candidate applicant recipient owner \
     benutzer nutzer kunde kunden person personen mitglied mitglieder mitarbeiter patienten schueler teilnehmer kontakte bewerber \
     utilisateur personne employe adherent eleve salarie usuario cliente persona empleado paciente alumno contacto socio \
     pessoa funcionario aluno utilizador contato utente dipendente klant gebruiker medewerker uzytkownik uzytkownicy klient \
     klienci polzovatel polzovateli klienty kullanici kullanicilar musteri yonghu";

/// Words of tables that hold secrets or what may be lost: sessions, tokens, queues.
pub(super) const FLEETING: &str = "token session otp onetimecode nonce magiclink passwordreset verification verificationcode captcha \
     ratelimit idempotencykey apikey oauthgrant oauthcode refreshtoken invitation recoverycode challenge";

/// Words of tables that record what happened.
pub(super) const LOGS: &str =
    "log logs audit history event trace queue job cache outbox inbox webhook delivery request";

/// Words beside which a digest is one of a content, not of a person's data.
pub(super) const CONTENTS: &str = "file blob content image media artifact object commit git revision build layer package asset \
     attachment upload document backup chunk snapshot migration etag video photo release download bundle block datei inhalt \
     fichier archivo arquivo contenu bild";

/// Words of days that are no births.
pub(super) const MOMENTS: &str = "created updated deleted expires expiry expiration start started end ended valid since until \
     from to release released published hired joined issued due paid sent day registered signup login modified changed \
     erstellt geaendert gueltig beginn ende cree modifie debut fin creado actualizado inicio vencimiento criado atualizado \
     founded built opened closed event last first visit order purchase contract";

/// Columns whose own name tells nothing, so that the table's decides: `phone_numbers.number`.
pub(super) const GENERIC: &str =
    "value number nummer nr numero num valor wert valeur val content raw text key hash data address name identifier";

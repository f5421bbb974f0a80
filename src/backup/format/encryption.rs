//! Encryption with age (<https://age-encryption.org/v1>), so that whoever finds a backup finds no
//! password hashes: `--encrypt` names recipients, `--identity` the file with the key.

use std::fmt;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use age::x25519;

/// Who may read a backup: a public key (`age1...`).
#[derive(Clone)]
pub struct Recipient(x25519::Recipient);

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why there is no encryption or decryption.
#[derive(Debug, thiserror::Error)]
pub enum EncryptionError {
    /// Not a recipient.
    #[error("{0:?} is not an age recipient (age1...): make a key pair with `age-keygen`")]
    Recipient(String),
    /// The private key was given where the public one belongs. It is not repeated here.
    #[error("that is an age identity (the private key): give its recipient (age1...) instead")]
    PrivateKey,
    /// The file with the key can't be read.
    #[error("reading the identity file {}: {source}", file.display())]
    IdentityFile {
        /// Path of the file that was given.
        file: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// There is no key in the file.
    #[error("the identity file {} holds no age key (AGE-SECRET-KEY-...)", .0.display())]
    NoIdentity(PathBuf),
}

impl FromStr for Recipient {
    type Err = EncryptionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.to_ascii_uppercase().starts_with("AGE-SECRET-KEY-") {
            return Err(EncryptionError::PrivateKey);
        }
        text.parse()
            .map(Self)
            .map_err(|_| EncryptionError::Recipient(text.to_owned()))
    }
}

/// The keys that may open a backup.
#[derive(Clone, Default)]
pub struct Identities(Vec<x25519::Identity>);

impl fmt::Debug for Identities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} identities", self.0.len())
    }
}

impl Identities {
    /// Reads a file as `age-keygen` writes it: a key a line, comments after `#`.
    ///
    /// # Errors
    /// When it can't be read or holds no key.
    pub fn read(file: &Path) -> Result<Self, EncryptionError> {
        let text =
            std::fs::read_to_string(file).map_err(|source| EncryptionError::IdentityFile {
                file: file.to_owned(),
                source,
            })?;
        let keys: Vec<x25519::Identity> = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .filter_map(|line| line.parse().ok())
            .collect();
        if keys.is_empty() {
            return Err(EncryptionError::NoIdentity(file.to_owned()));
        }
        Ok(Self(keys))
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads what was encrypted for one of these keys. A changed or missing byte is an error of a
    /// read, at the latest of the last.
    ///
    /// # Errors
    /// When none of the keys fits ([`io::ErrorKind::PermissionDenied`]), or it is not an age file.
    pub fn decrypt<'a>(
        &self,
        input: impl Read + Send + 'a,
    ) -> io::Result<Box<dyn Read + Send + 'a>> {
        let decryptor = age::Decryptor::new(input).map_err(invalid)?;
        let identities = self.0.iter().map(|key| key as &dyn age::Identity);
        Ok(Box::new(decryptor.decrypt(identities).map_err(invalid)?))
    }
}

fn invalid(error: age::DecryptError) -> io::Error {
    let kind = match &error {
        age::DecryptError::NoMatchingKeys => io::ErrorKind::PermissionDenied,
        _ => io::ErrorKind::InvalidData,
    };
    io::Error::new(kind, error.to_string())
}

/// A writer that encrypts, or doesn't.
pub(crate) enum Sealer<W: Write> {
    Plain(W),
    Age(Box<age::stream::StreamWriter<W>>),
}

impl<W: Write> Sealer<W> {
    /// Encrypts for these recipients; for none, passes all through.
    pub(crate) fn new(output: W, recipients: &[Recipient]) -> io::Result<Self> {
        if recipients.is_empty() {
            return Ok(Self::Plain(output));
        }
        let keys = recipients.iter().map(|key| &key.0 as &dyn age::Recipient);
        let encryptor = age::Encryptor::with_recipients(keys).map_err(io::Error::other)?;
        Ok(Self::Age(Box::new(encryptor.wrap_output(output)?)))
    }

    /// Writes the end.
    pub(crate) fn finish(self) -> io::Result<W> {
        match self {
            Self::Plain(output) => Ok(output),
            Self::Age(writer) => writer.finish(),
        }
    }
}

impl<W: Write> Write for Sealer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(output) => output.write(bytes),
            Self::Age(writer) => writer.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(output) => output.flush(),
            Self::Age(writer) => writer.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use age::secrecy::ExposeSecret as _;

    use super::*;

    fn pair() -> (Recipient, Identities) {
        let key = x25519::Identity::generate();
        (Recipient(key.to_public()), Identities(vec![key]))
    }

    fn encrypted(bytes: &[u8], recipients: &[Recipient]) -> io::Result<Vec<u8>> {
        let mut sealer = Sealer::new(Vec::new(), recipients)?;
        sealer.write_all(bytes)?;
        sealer.finish()
    }

    fn decrypted(bytes: &[u8], keys: &Identities) -> io::Result<Vec<u8>> {
        let mut read = Vec::new();
        keys.decrypt(bytes)?.read_to_end(&mut read)?;
        Ok(read)
    }

    #[test]
    fn each_recipient_can_read_it_and_no_other() -> io::Result<()> {
        let (one, key_one) = pair();
        let (two, key_two) = pair();
        let (_, other) = pair();
        let text = vec![7_u8; 200_000];
        let sealed = encrypted(&text, &[one, two])?;
        assert_eq!(decrypted(&sealed, &key_one)?, text);
        assert_eq!(decrypted(&sealed, &key_two)?, text);
        assert!(decrypted(&sealed, &other).is_err());
        Ok(())
    }

    #[test]
    fn a_cut_is_an_error() -> io::Result<()> {
        let (recipient, key) = pair();
        let sealed = encrypted(&vec![7_u8; 200_000], &[recipient])?;
        for cut in [10, 300, 70_000, sealed.len() - 17, sealed.len() - 1] {
            assert!(decrypted(&sealed[..cut], &key).is_err(), "cut at {cut}");
        }
        Ok(())
    }

    #[test]
    fn a_private_key_is_refused_and_not_repeated() {
        let key = x25519::Identity::generate();
        let secret = key.to_string();
        let error = secret
            .expose_secret()
            .parse::<Recipient>()
            .expect_err("it is a private key");
        assert!(matches!(error, EncryptionError::PrivateKey));
        assert!(!error.to_string().contains("SECRET-KEY"));
    }

    #[test]
    fn an_identity_file_is_read_as_age_keygen_writes_it() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("key.txt");
        let key = x25519::Identity::generate();
        let text = key.to_string();
        std::fs::write(
            &file,
            format!(
                "# created: today\n# public key: x\n{}\n",
                text.expose_secret()
            ),
        )?;
        let recipient = Recipient(key.to_public());
        let sealed = encrypted(b"text", &[recipient])?;
        assert_eq!(decrypted(&sealed, &Identities::read(&file)?)?, b"text");
        std::fs::write(&file, "# nothing\n")?;
        assert!(matches!(
            Identities::read(&file),
            Err(EncryptionError::NoIdentity(_))
        ));
        Ok(())
    }
}

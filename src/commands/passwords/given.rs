//! A password that is given.

use std::io::Read as _;
use std::path::Path;

use secrecy::SecretString;

use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::plain;

/// No file of one password is larger.
const MOST: u64 = 4096;

/// Reads it from a file, or from standard input (`-`). One line break at the end is not part of it.
pub(super) fn given_password(file: &Path) -> Result<SecretString, Failure> {
    let shown = file.display().to_string();
    let usage = |what: String| {
        Failure::new(ExitCode::Usage, plain(&what))
            .next("pgctl passwords rotate superuser --password-file FILE")
    };
    let mut bytes = Vec::new();
    let read = match file.as_os_str() == "-" {
        true => std::io::stdin().take(MOST).read_to_end(&mut bytes),
        false => std::fs::File::open(file).and_then(|it| it.take(MOST).read_to_end(&mut bytes)),
    };
    read.map_err(|error| usage(format!("{shown} can't be read: {error}")))?;
    let text = String::from_utf8(bytes)
        .map_err(|_| usage(format!("{shown}: a password is text in UTF-8")))?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() {
        return Err(usage(format!("{shown}: there is no password in it")));
    }
    if text.contains(['\n', '\r', '\0']) {
        return Err(usage(format!(
            "{shown}: a password has no line break: the pods would refuse to start with it"
        )));
    }
    Ok(SecretString::from(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn one_line_break_at_the_end_is_not_part_of_it() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("p");
        let read = |text: &str| {
            std::fs::write(&file, text)?;
            std::io::Result::Ok(given_password(&file))
        };
        let fine = read(" it's ü:\\ \n")?.expect("a password");
        assert_eq!(fine.expose_secret(), " it's ü:\\ ");
        for text in ["", "\n", "a\nb", "a\n\n"] {
            assert!(read(text)?.is_err(), "{text:?}");
        }
        assert!(given_password(&folder.path().join("none")).is_err());
        Ok(())
    }
}

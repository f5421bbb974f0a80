//! The confirmation gate: what changes or deletes something takes a token that only this file makes,
//! and that is made for this very thing.

/// Something that is done only when somebody has agreed to it.
pub trait NeedsConfirmation {
    /// What tells it from everything else of its kind: a plan's id, the names of what is deleted.
    fn subject(&self) -> String;

    /// What has to be typed to agree to it.
    fn wanted(&self) -> String;
}

/// Something that consists of parts, each of which is agreed to together with the whole.
pub trait Includes<P>: NeedsConfirmation {
    /// Whether this is one of its parts, just as it was shown.
    fn includes(&self, part: &P) -> bool;
}

/// Proof that somebody has agreed to one thing.
#[derive(Debug)]
pub struct Confirmed {
    subject: String,
}

/// An option that agrees to go on with what was agreed to when it was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GoOn {
    /// `--resume`: to its end.
    Resume,
    /// `--abort`: back to where it began.
    Abort,
}

/// The token is for something else, or for what was there before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("what was agreed to is {agreed}, and this is {found}")]
pub struct NotConfirmed {
    agreed: String,
    found: String,
}

impl Confirmed {
    /// By `--yes`; none without it.
    pub fn by_flag(thing: &impl NeedsConfirmation, yes: bool) -> Option<Self> {
        yes.then(|| Self::of(thing))
    }

    /// By typing what is wanted. Nothing else agrees, and Enter alone never does.
    pub fn by_typing(thing: &impl NeedsConfirmation, typed: &str) -> Option<Self> {
        (typed.trim() == thing.wanted()).then(|| Self::of(thing))
    }

    /// By the option that goes on with what was begun, or puts it back.
    pub fn by_option(thing: &impl NeedsConfirmation, option: GoOn) -> Self {
        match option {
            GoOn::Resume | GoOn::Abort => Self::of(thing),
        }
    }

    /// That it is this to which somebody has agreed.
    ///
    /// # Errors
    /// When it is something else.
    pub fn covers(&self, thing: &impl NeedsConfirmation) -> Result<(), NotConfirmed> {
        let found = thing.subject();
        if self.subject == found {
            return Ok(());
        }
        Err(NotConfirmed {
            agreed: self.subject.clone(),
            found,
        })
    }

    /// For a part of what somebody has agreed to.
    ///
    /// # Errors
    /// When it is something else that was agreed to, or this is no part of it.
    pub fn part<P: NeedsConfirmation>(
        &self,
        whole: &impl Includes<P>,
        part: &P,
    ) -> Result<Self, NotConfirmed> {
        self.covers(whole)?;
        if whole.includes(part) {
            return Ok(Self::of(part));
        }
        Err(NotConfirmed {
            agreed: self.subject.clone(),
            found: part.subject(),
        })
    }

    fn of(thing: &impl NeedsConfirmation) -> Self {
        Self {
            subject: thing.subject(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Thing(&'static str);

    impl NeedsConfirmation for Thing {
        fn subject(&self) -> String {
            self.0.to_owned()
        }

        fn wanted(&self) -> String {
            "yes".to_owned()
        }
    }

    impl Includes<Thing> for Thing {
        fn includes(&self, part: &Thing) -> bool {
            part.0.starts_with(self.0)
        }
    }

    #[test]
    fn who_agrees_to_the_whole_has_agreed_to_its_parts_and_to_nothing_else() {
        let whole = Thing("a");
        let confirmed = Confirmed::by_flag(&whole, true).expect("agreed");
        let part = confirmed.part(&whole, &Thing("a-1")).expect("a part");
        assert_eq!(part.covers(&Thing("a-1")), Ok(()));
        assert!(part.covers(&Thing("a-2")).is_err());
        assert!(confirmed.part(&whole, &Thing("b-1")).is_err());
        // The whole of somebody else.
        assert!(confirmed.part(&Thing("b"), &Thing("b-1")).is_err());
    }

    #[test]
    fn who_agrees_to_one_thing_has_not_agreed_to_another() {
        let confirmed = Confirmed::by_typing(&Thing("one"), " yes\n").expect("it was typed");
        assert_eq!(confirmed.covers(&Thing("one")), Ok(()));
        assert!(confirmed.covers(&Thing("another")).is_err());
        for typed in ["", "\n", "y", "one"] {
            assert!(
                Confirmed::by_typing(&Thing("one"), typed).is_none(),
                "{typed:?}"
            );
        }
        assert!(Confirmed::by_flag(&Thing("one"), false).is_none());
    }
}

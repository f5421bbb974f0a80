use super::StoredPassword::{Current, Next, Previous};
use super::*;
use crate::plan::CheckVerdict;

/// A model of the Secret, the primary's database, and two pods, one of which is slow.
#[derive(Debug, Clone)]
struct World {
    current: u32,
    next: Option<u32>,
    previous: Option<u32>,
    database: u32,
    /// Files and passfile of each pod, and what its server has replayed.
    pods: [Pod; 2],
    made: u32,
}

#[derive(Debug, Clone)]
struct Pod {
    files: [Option<u32>; 3],
    uses: u32,
    replayed: u32,
}

impl World {
    fn new() -> Self {
        let pod = Pod {
            files: [Some(1), None, None],
            uses: 1,
            replayed: 1,
        };
        Self {
            current: 1,
            next: None,
            previous: None,
            database: 1,
            pods: [pod.clone(), pod],
            made: 1,
        }
    }

    fn stored(&self, password: u32) -> Option<StoredPassword> {
        match Some(password) {
            it if it == Some(self.current) => Some(Current),
            it if it == self.next => Some(Next),
            it if it == self.previous => Some(Previous),
            _ => None,
        }
    }

    fn facts(&self) -> PasswordFacts {
        PasswordFacts {
            role: "replicator".to_owned(),
            key: "k".to_owned(),
            has_next: self.next.is_some(),
            has_previous: self.previous.is_some(),
            in_database: self.stored(self.database),
            pods: (0..)
                .zip(&self.pods)
                .map(|(number, pod)| PodPassword {
                    pod: format!("pod-{number}"),
                    silent: None,
                    mounted: true,
                    has_next: self.next.is_some() && pod.files[1] == self.next,
                    uses: self.stored(pod.uses),
                    in_database: self.stored(pod.replayed),
                })
                .collect(),
        }
    }

    fn act(&mut self, step: &PasswordStep) {
        match step {
            PasswordStep::WriteNext => {
                self.made += 1;
                self.next = Some(self.made);
            }
            PasswordStep::AwaitFiles(_) | PasswordStep::AwaitUse(_) => {
                for pod in 0..2 {
                    self.kubelet(pod);
                    self.script(pod);
                    self.pods[pod].replayed = self.database;
                }
            }
            PasswordStep::Alter(which) => {
                self.database = match which {
                    Current => self.current,
                    Next => self.next.expect("it is there"),
                    Previous => self.previous.expect("it is there"),
                };
            }
            PasswordStep::MakeCurrent => {
                self.previous = Some(self.current);
                self.current = self.next.take().expect("it is there");
            }
            PasswordStep::ForgetPrevious => self.previous = None,
            PasswordStep::ForgetNext => self.next = None,
            PasswordStep::RestorePrevious => {
                self.current = self.previous.take().expect("it is there");
            }
            PasswordStep::Done => {}
        }
    }

    /// The Secret reaches a pod.
    fn kubelet(&mut self, pod: usize) {
        self.pods[pod].files = [Some(self.current), self.next, self.previous];
    }

    /// `renew_passwords` of the start script.
    fn script(&mut self, pod: usize) {
        let it = &mut self.pods[pod];
        let known = [Some(it.uses), it.files[0], it.files[1], it.files[2]];
        if known.contains(&Some(self.database)) {
            it.uses = self.database;
        }
    }

    /// Whether a pod, and pgctl, still find a way in.
    fn nobody_is_locked_out(&self) {
        for pod in &self.pods {
            let known = [Some(pod.uses), pod.files[0], pod.files[1], pod.files[2]];
            assert!(known.contains(&Some(self.database)), "{self:?}");
        }
        assert!(self.stored(self.database).is_some(), "{self:?}");
    }

    /// Runs to the end, with kubelets and scripts that come at any time; gives how many steps it took.
    fn run(&mut self, way: PasswordWay, mut fresh: bool, most: usize) -> usize {
        for count in 0..most {
            let step = next_password_step(&self.facts(), way, fresh);
            if step == PasswordStep::Done {
                return count;
            }
            fresh &= step != PasswordStep::WriteNext;
            self.act(&step);
            self.nobody_is_locked_out();
        }
        most
    }
}

/// Whatever was done when it stopped, in whatever order the pods hear of it.
fn stopped_anywhere() -> Vec<World> {
    let mut found = Vec::new();
    for steps in 0..9 {
        for late in 0..16_u32 {
            let mut world = World::new();
            world.run(PasswordWay::On, true, steps);
            if late & 1 == 1 {
                world.kubelet(0);
            }
            if late & 2 == 2 {
                world.script(0);
            }
            if late & 4 == 4 {
                world.kubelet(1);
            }
            if late & 8 == 8 {
                world.script(1);
            }
            found.push(world);
        }
    }
    found
}

#[test]
fn nobody_is_locked_out_at_any_moment_and_the_old_one_is_gone_in_the_end() {
    let mut world = World::new();
    let steps = world.run(PasswordWay::On, true, 50);
    assert!(steps < 50);
    assert_eq!((world.current, world.next, world.previous), (2, None, None));
    assert_eq!(world.database, 2);
    assert!(world.pods.iter().all(|it| it.uses == 2 && it.replayed == 2));
}

#[test]
fn wherever_it_stopped_it_goes_on() {
    for mut world in stopped_anywhere() {
        world.nobody_is_locked_out();
        let fresh = world.next.is_none() && world.previous.is_none();
        world.run(PasswordWay::On, fresh, 50);
        assert_eq!((world.next, world.previous), (None, None));
        assert_eq!(world.database, world.current);
    }
}

#[test]
fn wherever_it_stopped_it_goes_back() {
    for mut world in stopped_anywhere() {
        let begun = world.next.is_some() || world.previous.is_some();
        let steps = world.run(PasswordWay::Back, false, 50);
        assert!(steps < 50, "{world:?}");
        assert_eq!((world.next, world.previous), (None, None));
        if begun {
            assert_eq!((world.current, world.database), (1, 1), "{world:?}");
        }
    }
}

#[test]
fn a_failover_that_has_lost_it_sets_it_once_more() {
    let mut world = World::new();
    world.run(PasswordWay::On, true, 4);
    assert_eq!(world.previous, Some(1));
    world.database = 1;
    let step = next_password_step(&world.facts(), PasswordWay::On, false);
    assert_eq!(step, PasswordStep::Alter(Current));
}

#[test]
fn a_pod_that_does_not_answer_is_waited_for() {
    let mut world = World::new();
    world.run(PasswordWay::On, true, 1);
    let mut facts = world.facts();
    for pod in &mut facts.pods {
        pod.has_next = true;
    }
    assert_eq!(
        next_password_step(&facts, PasswordWay::On, false),
        PasswordStep::Alter(Next)
    );
    facts.pods[1].silent = Some("no answer".to_owned());
    assert_eq!(
        next_password_step(&facts, PasswordWay::On, false),
        PasswordStep::AwaitFiles(vec!["pod-1: no answer".to_owned()])
    );
}

fn refused(
    passwords: &[PasswordFacts],
    change: impl FnOnce(&mut PasswordGround<'_>),
) -> Vec<&'static str> {
    let mut ground = PasswordGround {
        passwords,
        way: PasswordWay::On,
        secret: "s",
        owner: None,
        superuser: "postgres",
        given_differs: false,
        missing: &[],
        unfinished: None,
    };
    change(&mut ground);
    let proposal = propose_password_change(&ground);
    let refused = proposal
        .checks
        .iter()
        .filter(|it| it.verdict == CheckVerdict::Refuse);
    refused.map(|it| it.check).collect()
}

#[test]
fn what_would_lock_somebody_out_is_refused() {
    let facts = World::new().facts();
    let none: [&str; 0] = [];
    assert_eq!(refused(std::slice::from_ref(&facts), |_| {}), none);
    assert_eq!(
        refused(std::slice::from_ref(&facts), |it| it.owner =
            Some(PasswordOwner::ExternalSecrets)),
        ["secret"]
    );
    assert_eq!(
        refused(std::slice::from_ref(&facts), |it| it.way =
            PasswordWay::Back),
        ["state"]
    );
    assert_eq!(
        refused(std::slice::from_ref(&facts), |it| it.given_differs = true),
        ["state"]
    );
    let mut unmounted = facts.clone();
    unmounted.pods[0].mounted = false;
    assert_eq!(refused(&[unmounted.clone()], |_| {}), ["files"]);
    // The pods ask each other as the replication role; the superuser is only tried when that fails.
    unmounted.role = "postgres".to_owned();
    assert_eq!(refused(&[unmounted], |_| {}), none);
    let mut silent = facts;
    silent.pods[1].silent = Some("no answer".to_owned());
    assert_eq!(refused(&[silent], |_| {}), ["servers"]);
}

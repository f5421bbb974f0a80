//! What is known of every server at the moment, made of their answers as they come in.

use super::{Series, ServerRates, TopSample, server_rates};
use crate::cluster::{NoAnswer, Role};

/// What is known of every server.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TopBoard {
    instances: Vec<InstanceActivity>,
}

/// What is known of one server.
#[derive(Debug, Clone, PartialEq)]
pub struct InstanceActivity {
    /// Name of the pod.
    pub pod: String,
    /// Its last answer, or why it does not answer now; none before the first.
    pub answer: Option<Result<TopSample, NoAnswer>>,
    /// How fast it works; none before its second answer in a row.
    pub rates: Option<ServerRates>,
    /// Its transactions a second.
    pub transactions: Series,
    /// Its bytes of WAL a second.
    pub wal: Series,
    /// Bytes of WAL that it has yet to replay, as [`TopBoard::behind`] has them.
    pub behind: Series,
    /// Sessions of clients that do something.
    pub active: Series,
    /// The part of all blocks that was found in the cache (0 to 1).
    pub cache: Series,
    /// Checkpoints between two answers.
    pub checkpoints: Series,
    /// When its last answer came, in seconds by a clock that never goes back.
    at: f64,
}

impl InstanceActivity {
    fn new(pod: String) -> Self {
        Self {
            pod,
            answer: None,
            rates: None,
            transactions: Series::default(),
            wal: Series::default(),
            behind: Series::default(),
            active: Series::default(),
            cache: Series::default(),
            checkpoints: Series::default(),
            at: 0.0,
        }
    }

    /// Its last answer, when it answers.
    pub fn sample(&self) -> Option<&TopSample> {
        self.answer.as_ref()?.as_ref().ok()
    }

    /// What it says that it is.
    pub fn role(&self) -> Role {
        match self.sample() {
            Some(sample) if sample.counters.in_recovery => Role::Standby,
            Some(_) => Role::Primary,
            None => Role::Unknown,
        }
    }
}

impl TopBoard {
    /// The servers, those of these pods and no others, in this order.
    pub fn set_pods(&mut self, pods: &[String]) {
        let mut before = std::mem::take(&mut self.instances);
        self.instances = pods
            .iter()
            .map(|pod| {
                let known = before.iter().position(|it| it.pod == *pod);
                known.map_or_else(
                    || InstanceActivity::new(pod.clone()),
                    |at| before.swap_remove(at),
                )
            })
            .collect();
    }

    /// Takes what a server has answered. `at` is when, in seconds by a clock that never goes back. Of a
    /// pod that is not known nothing is kept.
    pub fn take(&mut self, pod: &str, at: f64, answer: Result<TopSample, NoAnswer>) {
        let Some(place) = self.instances.iter().position(|it| it.pod == pod) else {
            return;
        };
        let instance = &mut self.instances[place];
        instance.rates = match (instance.sample(), &answer) {
            (Some(before), Ok(after)) => {
                server_rates(&before.counters, &after.counters, at - instance.at)
            }
            _ => None,
        };
        let first = instance.answer.is_none();
        instance.answer = Some(answer);
        instance.at = at;
        // One answer alone is no gap: nothing has been missed.
        if !first {
            let rates = instance.rates;
            let transactions = rates.map(|rates| rates.transactions);
            instance.transactions.push(transactions);
            instance.wal.push(rates.and_then(|rates| rates.wal_bytes));
            instance
                .cache
                .push(rates.and_then(|rates| rates.cache_hits));
            let checkpoints = rates.map(|rates| rates.checkpoints as f64);
            instance.checkpoints.push(checkpoints);
            let active = instance.sample().map(|it| it.counters.active);
            instance.active.push(active.map(f64::from));
            let behind = self.behind(&self.instances[place]);
            let behind = behind.map(|bytes| bytes as f64);
            self.instances[place].behind.push(behind);
        }
    }

    /// The servers: the primary first, then as [`Self::set_pods`] had them.
    pub fn instances(&self) -> Vec<&InstanceActivity> {
        let mut instances: Vec<_> = self.instances.iter().collect();
        instances.sort_by_key(|it| it.role() != Role::Primary);
        instances
    }

    /// How many bytes of WAL a standby has yet to replay, by the last answers of both; none for a
    /// primary, and while there is not exactly one.
    pub fn behind(&self, instance: &InstanceActivity) -> Option<u64> {
        let position = |it: &InstanceActivity| it.sample()?.counters.wal;
        let mut primaries = self
            .instances
            .iter()
            .filter(|it| it.role() == Role::Primary);
        let (Some(primary), None) = (primaries.next(), primaries.next()) else {
            return None;
        };
        if instance.role() != Role::Standby {
            return None;
        }
        // The two were not asked at the same moment: a standby may be seen ahead.
        let end = position(primary)?.bytes();
        Some(end.saturating_sub(position(instance)?.bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{Lsn, ServerCounters};

    fn sample(in_recovery: bool, wal: u64, commits: u64) -> TopSample {
        TopSample {
            counters: ServerCounters {
                in_recovery,
                wal: Some(Lsn::new(wal)),
                commits,
                rollbacks: 0,
                blocks_hit: 0,
                blocks_read: 0,
                temporary_bytes: 0,
                checkpoints: 0,
                active: 0,
                idle: 0,
                idle_in_transaction: 0,
                waiting: 0,
                max_connections: 100,
            },
            statements: Vec::new(),
        }
    }

    fn names(board: &TopBoard) -> Vec<&str> {
        board.instances().iter().map(|it| &*it.pod).collect()
    }

    #[test]
    fn the_primary_comes_first_wherever_it_is() {
        let mut board = TopBoard::default();
        board.set_pods(&["p-0".to_owned(), "r-0".to_owned()]);
        board.take("r-0", 1.0, Ok(sample(false, 500, 0)));
        board.take("p-0", 1.0, Ok(sample(true, 400, 0)));
        assert_eq!(names(&board), ["r-0", "p-0"]);
        let [primary, standby] = board.instances()[..] else {
            panic!("two")
        };
        assert_eq!(board.behind(standby), Some(100));
        assert_eq!(board.behind(primary), None);
    }

    #[test]
    fn with_two_primaries_nobody_is_behind_anybody() {
        let mut board = TopBoard::default();
        board.set_pods(&["a".to_owned(), "b".to_owned(), "c".to_owned()]);
        board.take("a", 1.0, Ok(sample(false, 500, 0)));
        board.take("b", 1.0, Ok(sample(false, 500, 0)));
        board.take("c", 1.0, Ok(sample(true, 400, 0)));
        assert_eq!(board.behind(board.instances()[2]), None);
    }

    #[test]
    fn a_silent_server_leaves_a_gap_and_has_no_rate_until_two_answers_later() {
        let mut board = TopBoard::default();
        board.set_pods(&["a".to_owned()]);
        board.take("a", 1.0, Ok(sample(false, 0, 0)));
        board.take("a", 2.0, Ok(sample(false, 0, 10)));
        board.take("a", 4.0, Err(NoAnswer::Silent("no answer".to_owned())));
        assert_eq!(board.instances()[0].rates, None);
        board.take("a", 5.0, Ok(sample(false, 0, 30)));
        assert_eq!(board.instances()[0].rates, None);
        board.take("a", 6.0, Ok(sample(false, 0, 50)));
        let instance = board.instances()[0];
        assert_eq!(instance.rates.map(|it| it.transactions), Some(20.0));
        let shown = instance.transactions.scaled(10);
        assert_eq!(shown, [Some(0.5), None, None, Some(1.0)]);
    }

    #[test]
    fn a_pod_that_has_gone_is_forgotten_and_a_new_one_begins_empty() {
        let mut board = TopBoard::default();
        board.set_pods(&["a".to_owned(), "b".to_owned()]);
        board.take("a", 1.0, Ok(sample(false, 0, 0)));
        board.set_pods(&["a".to_owned(), "c".to_owned()]);
        board.take("b", 2.0, Ok(sample(true, 0, 0)));
        assert_eq!(names(&board), ["a", "c"]);
        assert!(board.instances()[0].sample().is_some());
        assert_eq!(board.instances()[1].answer, None);
    }
}

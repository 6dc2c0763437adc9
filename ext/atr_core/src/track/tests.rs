//! The track against a model: a log that is published to, trimmed and restarted, and a subscription that loses,
//! doubles and delays. Whatever the order, what is handed on has no hole that was not told, and nothing twice.

use super::*;
use crate::batch::tests::{batch, unlogged};
use proptest::prelude::*;

const OLD: &str = "00000000000000aa";

fn at(offset: u64) -> Position {
    format!("{OLD}:{offset}").parse().unwrap()
}

fn live(offset: u64) -> Standing {
    Standing::Live(Some(at(offset)))
}

fn page(offsets: std::ops::RangeInclusive<u64>, end: u64) -> Option<Recovered> {
    Some(Recovered::Events { head: at(end), events: Some(batch("a", OLD, offsets)) })
}

fn empty_page(end: u64) -> Option<Recovered> {
    Some(Recovered::Events { head: at(end), events: None })
}

/// Steps in short: `4-6`, `reset 7`, `read 3`.
fn spelt(steps: Vec<Step>) -> Vec<String> {
    let offset = |position: Option<Position>| position.map_or("-".into(), |p| p.offset.to_string());
    let step = |step: &Step| match step {
        Step::Send(batch) => format!("{}-{}", offset(batch.first()), offset(batch.last())),
        Step::Reset(head) => format!("reset {}", offset(*head)),
        Step::Read(after) => format!("read {}", after.offset),
    };
    steps.iter().map(step).collect()
}

fn flowing(offset: u64) -> Track {
    let mut track = Track::default();
    assert!(track.take_standing(live(offset)).is_empty());
    track
}

#[test]
fn what_comes_before_the_head_is_known_is_not_lost_and_not_doubled() {
    let mut track = Track::default();
    assert!(track.take_batch(batch("a", OLD, 4..=5)).is_empty());
    assert!(track.take_batch(batch("a", OLD, 6..=7)).is_empty());
    assert_eq!(spelt(track.take_standing(live(5))), ["6-7"]);
    assert_eq!(spelt(track.take_batch(batch("a", OLD, 7..=8))), ["8-8"]);
}

#[test]
fn a_hole_is_read_and_what_is_behind_it_waits() {
    let mut track = flowing(3);
    assert_eq!(spelt(track.take_batch(batch("a", OLD, 6..=6))), ["read 3"]);
    assert!(track.take_batch(batch("a", OLD, 7..=7)).is_empty());
    assert_eq!(spelt(track.take_page(at(3), page(4..=5, 7))), ["4-5", "6-6", "7-7"]);
    assert!(track.is_flowing() && track.head() == Some(at(7)));
}

#[test]
fn pages_follow_each_other() {
    let mut track = flowing(3);
    assert_eq!(spelt(track.take_batch(batch("a", OLD, 9..=9))), ["read 3"]);
    assert_eq!(spelt(track.take_page(at(3), page(4..=5, 9))), ["4-5", "read 5"]);
    assert_eq!(spelt(track.take_page(at(5), page(6..=8, 9))), ["6-8", "9-9"]);
}

#[test]
fn after_an_outage_it_is_caught_up_before_live_events_go_on() {
    let mut track = flowing(3);
    track.take_standing(Standing::Away);
    assert!(track.take_batch(batch("a", OLD, 6..=6)).is_empty());
    assert_eq!(spelt(track.take_standing(live(6))), ["read 3"]);
    assert!(track.take_batch(batch("a", OLD, 7..=7)).is_empty());
    assert_eq!(spelt(track.take_page(at(3), page(4..=6, 6))), ["4-6", "7-7"]);
}

#[test]
fn what_is_lost_for_good_is_told() {
    let mut track = flowing(3);
    track.take_batch(batch("a", OLD, 9..=9));
    assert_eq!(
        spelt(track.take_page(at(3), Some(Recovered::Reset { head: Some(at(8)) }))),
        ["reset 8", "9-9"]
    );
}

#[test]
fn a_log_that_lost_its_end_is_not_taken_for_the_same() {
    let mut track = flowing(9);
    track.take_standing(Standing::Away);
    assert_eq!(spelt(track.take_standing(live(4))), ["read 9"]);
}

#[test]
fn a_log_that_begins_anew_under_an_unbroken_subscription_is_adopted() {
    let mut track = flowing(3);
    assert_eq!(spelt(track.take_batch(batch("a", "00000000000000bb", 1..=2))), ["1-2"]);
    assert_eq!(spelt(track.take_batch(batch("a", "00000000000000cc", 5..=5))), ["read 2"]);
}

#[test]
fn a_new_epoch_with_a_common_past_is_gone_over_to() {
    let mut track = flowing(3);
    track.take_standing(Standing::Away);
    let end: Position = "00000000000000bb:3".parse().unwrap();
    assert_eq!(spelt(track.take_standing(Standing::Live(Some(end)))), ["read 3"]);
    assert!(track.take_page(at(3), Some(Recovered::Events { head: end, events: None })).is_empty());
    assert_eq!(track.head(), Some(end));
    assert!(track.is_flowing());
}

#[test]
fn a_message_that_no_log_has_does_not_hold_it_up() {
    let mut track = flowing(3);
    assert_eq!(spelt(track.take_batch(batch("a", OLD, 900..=900))), ["read 3"]);
    assert_eq!(spelt(track.take_page(at(3), empty_page(3))), ["read 3"], "the answer may have been old");
    assert!(track.take_page(at(3), empty_page(3)).is_empty());
    assert!(track.is_flowing());
    assert_eq!(spelt(track.take_batch(batch("a", OLD, 4..=4))), ["4-4"]);
}

#[test]
fn without_a_log_everything_goes_on() {
    let mut track = Track::default();
    assert_eq!(spelt(track.take_batch(unlogged("1"))), ["---"]);
    track.take_standing(Standing::Live(None));
    assert_eq!(spelt(track.take_batch(unlogged("1"))), ["---"]);
    assert_eq!(spelt(track.take_batch(batch("a", OLD, 4..=4))), ["4-4"], "it is there after all");
    assert_eq!(spelt(track.take_batch(batch("a", OLD, 5..=5))), ["5-5"]);
}

#[test]
fn a_log_that_cannot_be_read_any_more_is_told() {
    let mut track = flowing(3);
    track.take_standing(Standing::Away);
    assert_eq!(spelt(track.take_standing(Standing::Live(None))), ["reset -"]);
}

#[test]
fn what_waits_is_bounded_and_read_instead() {
    let mut track = Track::default();
    for offset in 1..=20_000 {
        track.take_batch(batch("a", OLD, offset..=offset));
    }
    assert!(track.waiting_bytes <= MAX_WAITING_BYTES);
    assert!(spelt(track.take_standing(live(0))).ends_with(&["read 0".to_owned()]));
}

/// What happens to the log and on the way from it.
#[derive(Debug, Clone)]
enum Happening {
    Publish(u64),
    /// Messages under way are lost.
    Lose(usize),
    /// A message under way comes twice.
    Double,
    Deliver,
    Trim(u64),
    /// The log is gone; the next event begins a new one.
    Flush,
    Away,
    Live,
    Answer,
    /// The answer is lost.
    NoAnswer,
}

fn happening() -> impl Strategy<Value = Happening> {
    use Happening::*;
    prop_oneof![
        6 => (1..4u64).prop_map(Publish),
        1 => (0..3usize).prop_map(Lose),
        1 => Just(Double),
        6 => Just(Deliver),
        1 => (1..6u64).prop_map(Trim),
        1 => Just(Flush),
        1 => Just(Away),
        2 => Just(Live),
        4 => Just(Answer),
        1 => Just(NoAnswer),
    ]
}

struct World {
    epoch: u64,
    first: u64,
    end: u64,
    under_way: VecDeque<Arc<Batch>>,
    question: Option<Position>,
    is_away: bool,
    track: Track,
    /// The last position that was handed on, and whether a reset came since what was before it.
    handed_on: Option<Position>,
}

impl World {
    fn epoch(&self) -> String {
        format!("{:016x}", self.epoch)
    }

    fn head(&self) -> Position {
        format!("{}:{}", self.epoch(), self.end).parse().unwrap()
    }

    fn answer(&self, after: Position) -> Recovered {
        let head = self.head();
        let is_there =
            after.epoch == head.epoch && after.offset <= self.end && after.offset + 1 >= self.first;
        if !is_there {
            return Recovered::Reset { head: Some(head) };
        }
        let last = self.end.min(after.offset + 2);
        let events = (last > after.offset).then(|| batch("a", &self.epoch(), after.offset + 1..=last));
        Recovered::Events { head, events }
    }

    fn perform(&mut self, steps: Vec<Step>) {
        for step in steps {
            match step {
                Step::Send(batch) => {
                    let first = batch.first().unwrap();
                    let before = self.handed_on.expect("nothing is handed on before the head is known");
                    let follows = before.epoch == first.epoch && before.offset + 1 == first.offset;
                    let begins_anew = before.epoch != first.epoch && first.offset == 1;
                    assert!(follows || begins_anew, "{before} then {first}");
                    self.handed_on = batch.last();
                }
                Step::Reset(head) => self.handed_on = head,
                Step::Read(after) => {
                    assert!(Some(after) == self.handed_on, "it reads from where it is");
                    self.question = Some(after);
                }
            }
        }
    }

    fn take(&mut self, happening: &Happening) {
        match happening {
            Happening::Publish(count) => {
                let batch = batch("a", &self.epoch(), self.end + 1..=self.end + count);
                self.end += count;
                if !self.is_away {
                    self.under_way.push_back(batch);
                }
            }
            Happening::Lose(index) => _ = self.under_way.remove(*index),
            Happening::Double => {
                if let Some(first) = self.under_way.front().cloned() {
                    self.under_way.push_front(first);
                }
            }
            Happening::Deliver => {
                if let Some(batch) = self.under_way.pop_front() {
                    let steps = self.track.take_batch(batch);
                    self.perform(steps);
                }
            }
            Happening::Trim(count) => self.first = self.first.max((self.end + 1).saturating_sub(*count)),
            // What is under way has been handed on before the log begins anew: the subscription is one stream.
            Happening::Flush => (self.epoch, self.first, self.end) = (self.epoch + 1, 1, 0),
            Happening::Away => {
                self.is_away = true;
                self.under_way.clear();
                self.track.take_standing(Standing::Away);
            }
            Happening::Live => {
                self.is_away = false;
                let head = self.head();
                self.handed_on.get_or_insert(head);
                let steps = self.track.take_standing(Standing::Live(Some(head)));
                self.perform(steps);
            }
            Happening::Answer | Happening::NoAnswer => {
                if let Some(after) = self.question.take() {
                    let page = matches!(happening, Happening::Answer).then(|| self.answer(after));
                    let steps = self.track.take_page(after, page);
                    self.perform(steps);
                }
            }
        }
    }

    /// Nothing more goes wrong, and all questions are answered.
    fn calm_down(&mut self) {
        self.take(&Happening::Live);
        self.take(&Happening::Publish(1));
        for _ in 0..200 {
            self.take(&Happening::Deliver);
            self.take(&Happening::Answer);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn nothing_is_lost_untold_and_nothing_comes_twice(happenings in prop::collection::vec(happening(), 0..60)) {
        let mut world = World {
            epoch: 1,
            first: 1,
            end: 0,
            under_way: VecDeque::new(),
            question: None,
            is_away: false,
            track: Track::default(),
            handed_on: None,
        };
        for happening in &happenings {
            world.take(happening);
        }
        world.calm_down();
        prop_assert_eq!(world.handed_on, Some(world.head()));
        prop_assert_eq!(world.track.head(), Some(world.head()));
        prop_assert!(world.track.is_flowing());
    }
}

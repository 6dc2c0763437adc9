use super::*;
use crate::publisher::tests::test_event;
use futures_util::FutureExt;

fn queue(events: usize) -> Queue {
    Queue::new(events, usize::MAX)
}

fn push(queue: &Queue, id: &str) -> u64 {
    queue.push(test_event(id), None).unwrap()
}

fn ids(entries: &[Entry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.event.id.as_str()).collect()
}

#[test]
fn is_bounded_by_events_that_wait_or_are_on_their_way() {
    let queue = queue(2);
    push(&queue, "a");
    push(&queue, "b");
    assert_eq!(queue.push(test_event("c"), None), Err(Rejected::Full));
    let batch = queue.take(10, usize::MAX);
    assert_eq!(queue.push(test_event("c"), None), Err(Rejected::Full));
    queue.settle(&batch, vec![]);
    assert_eq!((queue.len(), push(&queue, "c")), (0, 3));
}

#[test]
fn is_bounded_by_bytes_but_takes_one_event_of_any_size() {
    let queue = Queue::new(10, 1);
    push(&queue, "a");
    assert_eq!(queue.push(test_event("b"), None), Err(Rejected::Full));
}

#[test]
fn batches_have_bounds_and_at_least_one_event() {
    let queue = queue(10);
    ["a", "b", "c", "d"].iter().for_each(|id| _ = push(&queue, id));
    let batch = queue.take(3, usize::MAX);
    assert_eq!(ids(&batch), ["a", "b", "c"]);
    queue.settle(&batch, vec![]);
    push(&queue, "e");
    assert_eq!(ids(&queue.take(3, 1)), ["d"]);
}

#[test]
fn what_is_tried_again_stays_in_front() {
    let queue = queue(10);
    ["a", "b", "c"].iter().for_each(|id| _ = push(&queue, id));
    let mut batch = queue.take(2, usize::MAX);
    push(&queue, "d");
    let again = batch.split_off(1);
    queue.settle(&batch, again);
    assert_eq!(ids(&queue.take(10, usize::MAX)), ["b", "c", "d"]);
}

#[test]
fn settled_means_everything_up_to_a_number() {
    let queue = queue(10);
    let (a, b) = (push(&queue, "a"), push(&queue, "b"));
    let settled = |number| queue.settled(number).now_or_never().is_some();
    assert!(settled(0) && !settled(a));
    let mut batch = queue.take(10, usize::MAX);
    assert!(!settled(a));
    let again = batch.split_off(1);
    queue.settle(&batch, again);
    assert!(settled(a) && !settled(b));
    let batch = queue.take(10, usize::MAX);
    queue.settle(&batch, vec![]);
    assert!(settled(b));
}

#[test]
fn only_what_is_not_on_its_way_can_be_withdrawn() {
    let queue = queue(10);
    let (a, b, c) = (push(&queue, "a"), push(&queue, "b"), push(&queue, "c"));
    let batch = queue.take(1, usize::MAX);
    assert!(!queue.withdraw(a));
    assert!(queue.withdraw(b) && !queue.withdraw(b));
    queue.settle(&batch, vec![]);
    assert!(queue.settled(b).now_or_never().is_some() && queue.settled(c).now_or_never().is_none());
    assert!(queue.withdraw(c));
    assert!(queue.settled(c).now_or_never().is_some());
    assert_eq!(queue.len(), 0);
}

#[tokio::test]
async fn wakes_the_worker() {
    let queue = queue(10);
    let (number, ()) = tokio::join!(async { push(&queue, "a") }, queue.filled());
    assert_eq!(number, 1);
    queue.close();
    queue.closed().await;
    assert_eq!(queue.push(test_event("b"), None), Err(Rejected::Closed));
    assert_eq!(queue.take(10, usize::MAX).len(), 1, "what is there can still be taken");
}

#[test]
fn abandoned_means_settled() {
    let queue = queue(10);
    let (_, _, c) = (push(&queue, "a"), push(&queue, "b"), push(&queue, "c"));
    let _batch = queue.take(1, usize::MAX);
    let (waiting, taken) = queue.abandon();
    assert_eq!((ids(&waiting), taken, queue.len()), (vec!["b", "c"], 1, 0));
    assert!(queue.settled(c).now_or_never().is_some());
}

//! What one of a number's partitions may use of what the number may.

use crate::{
    config::{Config, Destination},
    mailbox::address::Address,
};

/// How much of what a number may do its mailbox at this address may: where anything, something.
pub fn share(address: &Address, most: u32) -> u32 {
    address.share_of(most).max(most.min(1))
}

/// The destinations that want what concerns a number, each with its share of requests and replies.
pub fn destinations(config: &Config, number: Option<&str>, address: &Address) -> Vec<Destination> {
    let all = config.destinations.iter();
    let wanted = all.filter(|destination| destination.wants_number(number));
    wanted
        .map(|destination| Destination {
            max_in_flight: share(address, destination.max_in_flight),
            max_per_second: destination.max_per_second.map(|most| share(address, most)),
            replies_per_day: destination.replies_per_day.map(|most| share(address, most)),
            ..destination.clone()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_partitions_have_what_the_number_has_and_each_something_where_there_is_anything() {
        let partitions = Address::mailboxes("1065", 3);
        let shares = |most| -> Vec<u32> {
            let shares = partitions.iter().map(|address| share(address, most));
            shares.collect()
        };
        assert_eq!(shares(10), [4, 3, 3]);
        assert_eq!(shares(1), [1, 1, 1]);
        assert_eq!(shares(0), [0, 0, 0]);
        let [whole] = Address::mailboxes("1065", 1).try_into().unwrap();
        assert_eq!(share(&whole, 10), 10);
    }
}

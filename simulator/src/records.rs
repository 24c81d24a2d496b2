//! What a server has seen, and waiting for it to have seen more.

use std::pin::pin;
use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

/// A state that can be waited for.
#[derive(Default)]
pub(crate) struct Records<T> {
    state: Mutex<T>,
    changed: Notify,
}

impl<T> Records<T> {
    pub(crate) fn read<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        look(&self.state.lock().unwrap())
    }

    pub(crate) fn write<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        let result = change(&mut self.state.lock().unwrap());
        self.changed.notify_waiters();
        result
    }

    /// Whether `holds` came true within the time.
    pub(crate) async fn wait_until(
        &self,
        within: Duration,
        mut holds: impl FnMut(&T) -> bool,
    ) -> bool {
        let wait = async {
            loop {
                let mut changed = pin!(self.changed.notified());
                // Before looking, so that no change falls between looking and waiting.
                changed.as_mut().enable();
                if self.read(&mut holds) {
                    return;
                }
                changed.await;
            }
        };
        timeout(within, wait).await.is_ok()
    }
}

//! What becomes of the objects when the WASM traps, which nothing unwinds (`lost.js` has the rest).

use wasm_bindgen::{JsValue, handler::set_on_abort, prelude::wasm_bindgen};

use super::{
    alarm::AFTER_FAILURE_MS,
    mailbox::{Mailbox, now_ms},
};

/// At most some eight minutes lie between two runs that are lost.
const MOST_DOUBLINGS: u32 = 6;

#[wasm_bindgen(module = "/src/objects/lost.js")]
extern "C" {
    #[wasm_bindgen(js_name = beginAnew)]
    fn begin_anew();
}

/// Has a new instance made as soon as this one is lost.
pub(crate) fn outlive_traps() {
    // One call: what is left of a lost instance traps when that returns.
    set_on_abort(begin_anew);
}

#[wasm_bindgen]
impl Mailbox {
    /// Sets the alarm again after `times` lost runs, doubling the wait: a trap takes every object of the instance with
    /// it. Up to 50 % jitter keeps them from starting together.
    #[wasm_bindgen(js_name = armAgain)]
    pub fn arm_again(&self, times: u32) -> Result<(), JsValue> {
        let doublings = times.saturating_sub(1).min(MOST_DOUBLINGS);
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
        let wait =
            ((AFTER_FAILURE_MS << doublings) as f64 * (1.0 + js_sys::Math::random() / 2.0)) as i64;
        let at = now_ms() + wait;
        self.not_before.set(at);
        self.arm(Some(at))?;
        Ok(())
    }
}

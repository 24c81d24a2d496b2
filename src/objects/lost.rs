//! What becomes of the objects when the WASM traps, which nothing unwinds (`lost.js` has the rest).

use wasm_bindgen::{JsValue, handler::set_on_abort, prelude::wasm_bindgen};

use super::{
    alarm::AFTER_FAILURE_MS,
    mailbox::{Mailbox, now_ms},
};

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
    /// Sets the alarm again after a run that was lost.
    #[wasm_bindgen(js_name = armAgain)]
    pub fn arm_again(&self) -> Result<(), JsValue> {
        self.arm(Some(now_ms() + AFTER_FAILURE_MS))?;
        Ok(())
    }
}

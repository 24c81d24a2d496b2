//! What was wrong with requests to a server, and a panic where nothing was to be.

/// What was wrong with any request, whatever the server has forgotten since.
#[derive(Default)]
pub(crate) struct Faults {
    requests: usize,
    /// Each as `request 3: signature invalid`.
    pub(crate) all: Vec<String>,
    /// Whether there are to be none.
    pub(crate) forbidden: bool,
}

impl Faults {
    /// Notes what is wrong with one more request.
    pub(crate) fn note(&mut self, faults: &[String]) {
        self.requests += 1;
        let request = self.requests;
        let told = faults
            .iter()
            .map(|fault| format!("request {request}: {fault}"));
        self.all.extend(told);
    }

    /// Panics at the end of a server that was sent what it forbids.
    pub(crate) fn check(&self, server: &str) {
        assert!(
            !self.forbidden || self.all.is_empty() || std::thread::panicking(),
            "{server} was sent what it does not take: {:#?}",
            self.all
        );
    }
}

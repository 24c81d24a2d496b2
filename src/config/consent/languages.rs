//! What customers write who want no advertising, or want it again, as a whole message, in the languages that WhatsApp
//! is used in most. Words that are an answer to something else as often ("cancel", "end") are not among them.

/// A language (ISO 639-1), its words for stopping, and its words for taking that back.
pub(super) type Language = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

/// The language of [`is_stop_by_accents`].
pub(super) const BY_ACCENTS: &str = "vi";

/// Whether a word (as [`words`] gives it) of a text is Vietnamese "dừng" (stop), which only its accents tell from "đúng"
/// (right). Its vowel may be composed or not.
///
/// [`words`]: crate::text::words
pub(super) fn is_stop_by_accents(word: &str, text: &str) -> bool {
    let vowels = [
        "ừ",
        "Ừ",
        "ư\u{300}",
        "Ư\u{300}",
        "u\u{31b}\u{300}",
        "U\u{31b}\u{300}",
    ];
    word == " dung "
        && !text.contains(['đ', 'Đ'])
        && vowels.iter().any(|vowel| text.contains(vowel))
}

/// Words for stopping that menus have for something else: "exit", and French "hard".
pub(super) const IN_MENUS: [&str; 2] = ["sair", "dur"];

#[rustfmt::skip]
pub(super) const LANGUAGES: &[Language] = &[
    ("en", &["stop", "stopall", "stop all", "unsubscribe", "unsubscribe me", "opt out", "optout", "stop promotions", "stop messages", "no more messages"],
        &["start", "unstop", "subscribe", "opt in", "optin", "resume"]),
    ("es", &["baja", "darme de baja", "dar de baja", "parar", "no más mensajes", "cancelar suscripción", "detener promociones"],
        &["alta", "darme de alta", "suscribir", "suscribirme", "reanudar"]),
    ("pt", &["parar", "pare", "sair", "descadastrar", "descadastre-me", "cancelar inscrição", "parar promoções", "não quero mais receber"],
        &["voltar", "inscrever", "inscrever-me", "quero receber"]),
    ("fr", &["stop", "arrêt", "arrêter", "désabonner", "me désabonner", "désinscrire", "désinscription", "arrêter les promotions"],
        &["reprendre", "abonner", "m'abonner", "me réabonner"]),
    ("de", &["stopp", "stop", "abmelden", "abbestellen", "austragen", "keine werbung", "keine nachrichten mehr", "werbung stoppen"],
        &["anmelden", "wieder anmelden", "fortsetzen"]),
    ("it", &["ferma", "stop", "cancellami", "disiscrivimi", "annulla iscrizione", "basta messaggi", "interrompi promozioni"],
        &["riprendi", "iscrivimi", "riattiva"]),
    ("nl", &["afmelden", "uitschrijven", "stop", "geen reclame", "geen berichten meer"],
        &["aanmelden", "inschrijven", "hervatten"]),
    ("id", &["berhenti", "stop", "berhenti berlangganan", "hentikan promosi"],
        &["mulai", "berlangganan", "lanjutkan"]),
    ("tr", &["dur", "durdur", "ret", "abonelikten çık", "reklam istemiyorum"],
        &["başla", "abone ol", "devam et"]),
    ("pl", &["stop", "wypisz", "wypisz mnie", "rezygnuję z reklam"],
        &["wznów", "zapisz mnie"]),
    ("ru", &["стоп", "отписаться", "отписка", "отпишите меня", "не присылайте рекламу"],
        &["подписаться", "возобновить"]),
    ("ar", &["توقف", "إيقاف", "أوقف", "إلغاء الاشتراك"],
        &["ابدأ", "اشتراك", "استئناف"]),
    ("hi", &["बंद", "बंद करो", "बंद करें", "रोको", "रोकें"],
        &["शुरू", "शुरू करो", "शुरू करें"]),
    ("vi", &["dừng nhận tin", "hủy đăng ký", "ngừng nhận tin"],
        &["đăng ký", "tiếp tục"]),
    ("zh", &["停止", "退订", "退訂", "取消订阅", "取消訂閱"],
        &["恢复", "恢復", "订阅", "訂閱"]),
    ("ja", &["停止", "配信停止", "配信解除"],
        &["再開", "配信再開"]),
    ("ko", &["중지", "수신거부", "수신 거부", "구독 취소"],
        &["재개", "수신동의", "수신 동의"]),
];

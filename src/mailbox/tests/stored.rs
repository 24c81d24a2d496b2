//! The form in which things are stored. Whoever changes it has to bring along what was stored before.

use super::*;

/// How the tables of the log are declared, by what their names begin with.
fn declared(sql: &Native, name: &str) -> String {
    let rows = sql
        .exec(
            "SELECT sql FROM sqlite_master WHERE type = 'table' AND name GLOB ?1",
            &[format!("{name}*").into()],
        )
        .unwrap();
    let declared = rows[0].get::<&str>(0).unwrap();
    declared.split_once('(').unwrap().1.to_owned()
}

#[test]
fn the_tables_of_events_are_as_they_were() {
    let sql = Native::new();
    let mut mailbox = open(&sql, &["crm"]);
    mailbox.store([message("1", "a")], NOW);
    assert_eq!(
        declared(&sql, "ids_"),
        "id BLOB PRIMARY KEY, conversation INTEGER, time INTEGER, message TEXT, status INTEGER) \
         STRICT, WITHOUT ROWID"
    );
    assert_eq!(
        declared(&sql, "log_"),
        "seq INTEGER PRIMARY KEY, conversation INTEGER NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL, time INTEGER, \
         received_ms INTEGER NOT NULL, subject TEXT, added TEXT NOT NULL, data TEXT NOT NULL) STRICT"
    );
    assert_eq!(
        declared(&sql, "parts"),
        "seq INTEGER NOT NULL, part INTEGER NOT NULL, data TEXT NOT NULL, PRIMARY KEY (seq, part)) \
         STRICT, WITHOUT ROWID"
    );
    assert_eq!(
        declared(&sql, "names"),
        "name TEXT PRIMARY KEY, conversation INTEGER NOT NULL) STRICT, WITHOUT ROWID"
    );
}

#[test]
fn what_is_written_of_an_event_is_as_it_was() {
    let sql = Native::new();
    let mut mailbox = open(&sql, &["crm"]);
    let wrote = Event {
        id: "b8bcee09bf9845ba-43f17a19e165ac79862b636e".to_owned(),
        ..message("1", "b")
    };
    let told = Event {
        id: "a8bcee09bf9845ba-53f17a19e165ac79862b636e".to_owned(),
        ..status("1", "a", MessageStatus::Read)
    };
    mailbox.store([wrote, told], NOW);
    let rows = |what: &str, table: &str| {
        let tables = sql.tables();
        let table = tables.iter().find(|name| name.starts_with(table)).unwrap();
        let order = format!("SELECT json_array({what}) FROM {table} ORDER BY 1");
        let rows = sql.exec(&order, &[]).unwrap();
        let texts = rows.iter().map(|row| row.get::<String>(0).unwrap());
        texts.collect::<Vec<_>>()
    };
    assert_eq!(
        rows("hex(id), conversation, time, message, status", "ids_"),
        [
            r#"["0069800E80B8BCEE09BF9845BA43F17A19E165AC79862B636E",null,null,null,null]"#,
            r#"["01A8BCEE09BF9845BA53F17A19E165AC79862B636E",1,1770000000,"wamid.a",3]"#
        ]
    );
    assert_eq!(
        rows(
            "seq, conversation, id, kind, time, received_ms, subject, data",
            "log_"
        ),
        [
            r#"[1812480000000000,1,"b8bcee09bf9845ba-43f17a19e165ac79862b636e","whatsapp.message.received",1770000000,1770000000000,"1","{\"message\":{\"id\":\"b\"}}"]"#,
            r#"[1812480000000001,1,"a8bcee09bf9845ba-53f17a19e165ac79862b636e","whatsapp.status.something",1770000000,1770000000000,"1","{\"message\":{\"id\":\"a\"}}"]"#
        ]
    );
    assert_eq!(rows("name, conversation", "names"), [r#"["phone:1",1]"#]);
}

#[test]
fn what_is_stored_in_parts_is_read_as_it_came() {
    let sql = Native::new();
    let long = |what: &str| Event {
        data: what.repeat(300_000),
        ..message("1", what)
    };
    let events = ["ab", "cd"].map(long);
    open(&sql, &["crm"]).store(events.clone(), NOW);
    let mut read = Vec::new();
    deliver(&mut open(&sql, &["crm"]), NOW, |delivery| {
        read.push(delivery.events[0].data.clone());
        true
    });
    assert!(read == events.map(|event| event.data));
}

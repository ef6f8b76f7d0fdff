use crate::{
    name::PhysicalVolume,
    spec::{Mount, MountFrom},
};
use serde_json::Value;

/// Returns the mounts in a stored form; unreadable ones are left out.
pub(crate) fn mounts(form: &Value) -> Vec<Mount> {
    form.get("mounts").and_then(Value::as_array).into_iter().flatten().filter_map(mount).collect()
}

fn mount(form: &Value) -> Option<Mount> {
    let text = |field| form.get(field)?.as_str();
    let source = match (text("volume"), text("bind")) {
        (Some(volume), _) => MountFrom::Volume(PhysicalVolume::from_stored(volume)),
        (None, Some(path)) => MountFrom::Bind(path.to_owned()),
        (None, None) => return None,
    };
    let read_only = form.get("read_only").and_then(Value::as_bool).unwrap_or(false);
    Some(Mount { target: text("target")?.to_owned(), source, read_only })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn mounts_round_trip_through_the_stored_form() {
        let form = json!({"mounts": [
            {"target": "/data", "volume": "devarch-shop-db-data"},
            {"target": "/src", "bind": "/home/me", "read_only": true},
            {"target": "/none"},
        ]});
        let data = MountFrom::Volume(PhysicalVolume::from_stored("devarch-shop-db-data"));
        let expected = [
            Mount { target: "/data".to_owned(), source: data, read_only: false },
            Mount {
                target: "/src".to_owned(),
                source: MountFrom::Bind("/home/me".to_owned()),
                read_only: true,
            },
        ];
        assert_eq!(mounts(&form), expected);
        assert_eq!(mounts(&json!({})), []);
    }
}

//! Which builds may use layers of earlier ones on Podman.
//!
//! Buildah finds a cached layer by the text of its instruction before `$NAME` is replaced; only for `RUN` do the values
//! of arguments count too. So `ENV`, `COPY`, `WORKDIR` and the rest may give an image the value of another build's
//! argument, even another stack's secret one (<https://github.com/containers/buildah/issues/5501>).

use devarch_core::text::Text;
use std::collections::{BTreeMap, BTreeSet};

/// Instructions in which the builder replaces no argument, or whose cache key includes the values.
const HARMLESS: [&str; 6] = ["ARG", "FROM", "RUN", "CMD", "ENTRYPOINT", "HEALTHCHECK"];

/// Whether layers of earlier builds may be used.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reuse {
    /// Yes, if these images bring no `ONBUILD` instructions, which are not in the text.
    UnlessTriggered(BTreeSet<String>),
    /// An argument may reach a layer whose cache key does not include its value.
    Never,
}

/// Whether a Dockerfile with these arguments may use the cache. Layers of an unclear Dockerfile are not reused.
pub(crate) fn reuse(dockerfile: &str, args: &BTreeMap<String, Text>) -> Reuse {
    let instructions = instructions(dockerfile);
    let declares =
        |line: &str| line.split_whitespace().next().is_some_and(|word| word.eq_ignore_ascii_case("ARG"));
    if is_unclear(dockerfile) && (!args.is_empty() || dockerfile.lines().any(declares)) {
        return Reuse::Never;
    }
    let values = values(&instructions, args);
    let leaks = |(word, rest): &(String, String)| {
        !HARMLESS.contains(&word.as_str()) && values.keys().any(|name| mentions(rest, name))
    };
    if instructions.iter().any(leaks) {
        return Reuse::Never;
    }
    let mut stages = BTreeSet::from(["scratch".to_owned()]);
    let mut bases = BTreeSet::new();
    for (_, rest) in instructions.iter().filter(|(word, _)| word == "FROM") {
        let mut words = rest.split_whitespace().filter(|word| !word.starts_with("--"));
        let base = expanded(words.next().unwrap_or_default(), &values);
        if base.contains('$') {
            return Reuse::Never;
        }
        if !stages.contains(&base.to_lowercase()) {
            bases.insert(base);
        }
        stages.extend(words.nth(1).map(str::to_lowercase));
    }
    Reuse::UnlessTriggered(bases)
}

/// Whether lines may have a meaning that this parser misses: a heredoc, or another line continuation character.
fn is_unclear(dockerfile: &str) -> bool {
    let directive = |line: &str| {
        let line = line.trim_start().trim_start_matches('#').trim_start();
        line.get(..6).is_some_and(|word| word.eq_ignore_ascii_case("escape"))
    };
    dockerfile.contains("<<") || dockerfile.lines().any(|line| line.starts_with('#') && directive(line))
}

/// The instructions in capitals, with their arguments; continued lines are joined, comments are removed.
fn instructions(dockerfile: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open = String::new();
    for line in dockerfile.lines().filter(|line| !line.trim_start().starts_with('#')) {
        let line = line.trim_end();
        if let Some(part) = line.strip_suffix('\\') {
            open.push_str(part);
            continue;
        }
        open.push_str(line);
        let whole = std::mem::take(&mut open);
        let (word, rest) = whole.trim_start().split_once(char::is_whitespace).unwrap_or((whole.trim(), ""));
        if !word.is_empty() {
            found.push((word.to_uppercase(), rest.to_owned()));
        }
    }
    found
}

/// Every argument with its value, as far as that is written out.
fn values(instructions: &[(String, String)], args: &BTreeMap<String, Text>) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    for (_, rest) in instructions.iter().filter(|(word, _)| word == "ARG") {
        for declared in rest.split_whitespace() {
            let (name, value) = declared.split_once('=').unwrap_or((declared, "$"));
            values.entry(name.to_owned()).or_insert_with(|| value.trim_matches(['"', '\'']).to_owned());
        }
    }
    values.extend(args.iter().map(|(name, value)| (name.clone(), value.reveal().to_owned())));
    values
}

/// A text with `$NAME` and `${NAME}` replaced; other forms are unchanged.
fn expanded(text: &str, values: &BTreeMap<String, String>) -> String {
    let braced = values.iter().fold(text.trim_matches('"').to_owned(), |text, (name, value)| {
        text.replace(&format!("${{{name}}}"), value)
    });
    // Longer names are replaced before their prefixes.
    values.iter().rev().fold(braced, |text, (name, value)| text.replace(&format!("${name}"), value))
}

/// Whether an argument is replaced in a text.
fn mentions(text: &str, name: &str) -> bool {
    text.match_indices('$').any(|(at, _)| {
        let after = &text[at + 1..];
        let rest = after.strip_prefix('{').unwrap_or(after).strip_prefix(name);
        rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reuse_of(dockerfile: &str) -> Reuse {
        let args =
            [("WHO", "me"), ("TAG", "1.37")].map(|(name, value)| (name.to_owned(), Text::plain(value)));
        reuse(dockerfile, &args.into())
    }

    fn reused(bases: &[&str]) -> Reuse {
        Reuse::UnlessTriggered(bases.iter().map(|base| (*base).to_owned()).collect())
    }

    #[test]
    fn arguments_used_only_by_run_and_from_keep_the_cache() {
        let plain = "ARG TAG\nFROM busybox:${TAG} AS base\nARG WHO\nENV HOME=/x\nCOPY . $HOME\n\
                     RUN echo $WHO && \\\n  # a note\n  echo COPY $WHO\nFROM Base\nCMD echo $WHO\n";
        assert_eq!(reuse_of(plain), reused(&["busybox:1.37"]));
        let defaults = "ARG V=\"3\"\nFROM --platform=linux/amd64 a:$V\nFROM scratch\n";
        assert_eq!(reuse_of(defaults), reused(&["a:3"]));
        assert_eq!(reuse_of("FROM a\nARG WHO\nENV WHOLE=1 X=$WHOLE\n"), reused(&["a"]));
    }

    #[test]
    fn an_argument_in_any_other_instruction_disables_the_cache() {
        for line in [
            "ENV W=$WHO",
            "env W=${WHO:-x}",
            "COPY a \\\n  $WHO/",
            "WORKDIR /${WHO}",
            "LABEL a=$WHO",
            "ENV W=$OWN",
            "ONBUILD COPY . $WHO",
        ] {
            let text = format!("FROM a AS b\nARG WHO\nARG OWN=x\n{line}\nFROM b\n");
            assert_eq!(reuse_of(&text), Reuse::Never, "{line}");
            // Even without arguments: the cache may hold another build's argument values.
            assert_eq!(reuse(&text, &BTreeMap::new()), Reuse::Never, "{line}");
        }
    }

    #[test]
    fn unclear_dockerfiles_disable_the_cache() {
        for text in [
            "FROM a\nARG WHO\nRUN <<EOF\nENV\nEOF\n",
            "# escape=`\nFROM a\nARG WHO\n",
            "#Escape = `\nFROM a\nARG WHO\n",
            "ARG X\nFROM $X\n",
            "FROM ${TAG:-b}\n",
        ] {
            assert_eq!(reuse_of(text), Reuse::Never, "{text}");
        }
        let none = BTreeMap::new();
        assert_eq!(reuse("FROM a\nRUN <<EOF\nx\nEOF\n", &none), reused(&["a"]));
    }
}

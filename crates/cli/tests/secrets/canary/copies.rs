//! Copied stacks, and newer templates.

use super::Canary;
use std::fs;

impl Canary {
    /// A copied stack has the same user-set secrets and its own generated ones.
    pub(super) fn a_copied_stack_and_a_newer_template(&mut self) {
        let up = self.ok(&["up", "--as", "STACK-twin", "--yes"]);
        assert!(up.stderr.contains("+   web  will be created"), "{up}");
        self.ok(&["config", "STACK-twin", "--origin"]);
        let twin = format!("{}-twin", self.sandbox.stack);
        let variable = |name: &str| self.variable_of(&format!("devarch-{twin}-web"), name);
        assert_eq!(variable("TYPED"), self.secrets["SECOND"]);
        let (made, whole) = (variable("MADE"), variable("WHOLE"));
        assert!(made != self.secrets["MADE"] && whole != self.secrets["OWNMADE"]);
        self.secrets.extend([("TWINMADE".to_owned(), made), ("TWINWHOLE".to_owned(), whole)]);
        self.ok(&["down", "STACK-twin", "--yes"]);
        self.ok(&["stack", "delete", "STACK-twin", "--yes"]);
        let catalog = self.sandbox.project().join("catalog");
        fs::create_dir(&catalog).unwrap();
        fs::write(catalog.join("sealed.yaml"), template(&self.secrets["PLACE"])).unwrap();
        self.ok(&["instance", "add", "STACK", "sealed", "sealed"]);
        self.ok(&["apply", "STACK", "--yes"]);
        fs::write(catalog.join("sealed.yaml"), template(&self.secrets["NEWER"])).unwrap();
        self.ok(&["catalog", "upgrade", "STACK/sealed"]);
        let plan = self.run(&["plan", "STACK"]);
        assert!(plan.stdout.contains("~ sealed.environment.IT: secret changed"), "{plan}");
        self.ok(&["apply", "STACK", "--yes"]);
        assert_eq!(self.variable("sealed", "IT"), self.secrets["NEWER"]);
        self.ok(&["instance", "remove", "STACK", "sealed", "--yes"]);
        self.ok(&["apply", "STACK", "--yes"]);
        fs::remove_dir_all(catalog).unwrap();
    }
}

fn template(secret: &str) -> String {
    let secret = secret.replace('"', "\\\"");
    format!(
        "name: sealed\nimage: busybox:1.37\nstop_grace_period: 0s\ncommand: [sleep, '1000']\n\
         environment: {{ IT: {{ value: \"{secret}\", secret: true }} }}\n"
    )
}

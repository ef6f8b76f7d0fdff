//! The critical chain: the steps that determined how long the whole apply took.

use std::collections::BTreeMap;

/// A step that ended.
#[derive(Debug, Clone)]
pub(crate) struct Timed {
    /// Its index in the plan.
    pub(crate) at: usize,
    /// The indices of the steps it waited for.
    pub(crate) after: Vec<usize>,
    /// When it ended.
    pub(crate) ended: i64,
}

/// Goes back from the step that ended last to the one each waited for longest; returns the first step first.
pub(crate) fn critical_chain(steps: &[Timed]) -> Vec<usize> {
    let by_place: BTreeMap<usize, &Timed> = steps.iter().map(|step| (step.at, step)).collect();
    let mut chain = Vec::new();
    let mut next = steps.iter().max_by_key(|step| (step.ended, step.at));
    while let Some(step) = next {
        chain.push(step.at);
        let before = step.after.iter().filter_map(|at| by_place.get(at).copied());
        next = before.max_by_key(|step| (step.ended, step.at)).filter(|before| !chain.contains(&before.at));
    }
    chain.reverse();
    chain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_follows_the_longest_waits() {
        let step = |at, after: &[usize], ended| Timed { at, after: after.to_vec(), ended };
        let steps = [
            step(0, &[], 10),
            step(1, &[], 50),
            step(2, &[0, 1], 70),
            step(3, &[0], 60),
            step(4, &[2, 3], 90),
        ];
        assert_eq!(critical_chain(&steps), [1, 2, 4]);
        assert_eq!(critical_chain(&[]), [0_usize; 0]);
    }
}

//! Decisions by chance that can be repeated: hashes of the seed and of what is decided about.

use std::{collections::HashMap, sync::Mutex};

use crate::clock::lock;

/// Hashes bytes to 64 bits: FNV-1a with the finishing step of MurmurHash3, stable for ever.
pub(crate) fn hash(parts: &[&[u8]]) -> u64 {
    let mut state: u64 = 0xcbf2_9ce4_8422_2325;
    for part in parts {
        for byte in *part {
            state = (state ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        // A part's end counts, so that ("ab", "c") differs from ("a", "bc").
        state = (state ^ 0x1ff).wrapping_mul(0x0100_0000_01b3);
    }
    finish(state)
}

fn finish(mut state: u64) -> u64 {
    state = (state ^ (state >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    state = (state ^ (state >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    state ^ (state >> 33)
}

/// Decides by chance, the same way for the same seed.
pub(crate) struct Dice {
    seed: u64,
    repeats: Mutex<HashMap<u64, u32>>,
}

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, repeats: Mutex::default() }
    }

    /// Whether a share of all subjects, this one among them, is chosen: always the same for the same subject.
    pub(crate) fn chooses(&self, share: f64, question: &str, subject: &str) -> bool {
        share > 0.0 && self.number(question, subject.as_bytes(), 0) < share
    }

    /// As [`Dice::chooses`], but a subject that was chosen is decided about anew when it comes again, so that a
    /// repeated call is not refused for ever.
    pub(crate) fn chooses_anew(&self, share: f64, question: &str, subject: &[u8]) -> bool {
        if share <= 0.0 {
            return false;
        }
        let key = hash(&[question.as_bytes(), subject]);
        let mut repeats = lock(&self.repeats);
        let repeat = repeats.get(&key).copied().unwrap_or(0);
        let chosen = self.number(question, subject, repeat) < share;
        if chosen {
            repeats.insert(key, repeat.saturating_add(1));
        }
        chosen
    }

    /// 64 bits that belong to a question and a subject.
    pub(crate) fn bits(&self, question: &str, subject: &[u8]) -> u64 {
        hash(&[&self.seed.to_le_bytes(), question.as_bytes(), subject])
    }

    /// A number from 0 up to, but not including, 1.
    fn number(&self, question: &str, subject: &[u8], repeat: u32) -> f64 {
        let bits = hash(&[&self.seed.to_le_bytes(), question.as_bytes(), subject, &repeat.to_le_bytes()]);
        #[allow(clippy::cast_precision_loss, reason = "53 bits fit an f64 exactly")]
        let number = (bits >> 11) as f64 / (1_u64 << 53) as f64;
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_decides_the_same_and_another_seed_differs() {
        let chosen = |seed: u64| -> Vec<bool> {
            let dice = Dice::new(seed);
            (0..200).map(|n| dice.chooses(0.5, "bounce", &format!("person{n}@example.com"))).collect()
        };

        assert_eq!(chosen(7), chosen(7));
        assert_ne!(chosen(7), chosen(8));
    }

    #[test]
    fn a_share_is_kept_within_a_percent() {
        let dice = Dice::new(1);

        let chosen = (0..20_000).filter(|n| dice.chooses(0.1, "open", &format!("{n}@example.com"))).count();

        assert!((1_800..2_200).contains(&chosen), "{chosen} of 20000");
    }

    #[test]
    fn a_repeated_subject_is_decided_about_anew() {
        let dice = Dice::new(1);

        let refused = (0..100).take_while(|_| dice.chooses_anew(0.5, "refuse", b"the same call")).count();

        assert!(refused < 100);
    }

    #[test]
    fn whole_and_no_shares_are_exact() {
        let dice = Dice::new(3);

        assert!((0..1_000).all(|n| dice.chooses(1.0, "q", &n.to_string())));
        assert!((0..1_000).all(|n| !dice.chooses(0.0, "q", &n.to_string())));
    }
}

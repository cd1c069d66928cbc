//! The judge: the whole policy of retry, key switch and failover, in one exhaustive function over
//! the one failure type (`06-errors.md`). Nothing else decides what follows from a failure.

use ir_model::{Charge, Class, Fault};
use std::time::Duration;

/// The operator's choices that the judge takes into account.
#[derive(Clone, Copy, Debug, Default)]
pub struct Policy {
    /// `routing.failoverOnModeration`
    pub failover_on_moderation: bool,
    /// `routing.retryUncertain`
    pub retry_uncertain: bool,
}

/// What becomes of the key that was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyEffect {
    /// Nothing: the key is not to blame.
    Untouched,
    /// Out of use until the operator re-enables it.
    Disable,
    /// Cooling until its quota is renewed: the time that the platform named, else its next midnight.
    CoolUntilReset(Option<Duration>),
    /// Cooling for the time that the platform named, else with doubling pauses.
    CoolForRate(Option<Duration>),
    /// One more failure in a row; five cool it for a minute.
    CountFailure,
}

/// What it says about the upstream's health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HealthEffect {
    /// The upstream works, whatever it said.
    Alive,
    /// Its breaker counts a failure.
    Failure,
    /// It says nothing.
    Neutral,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The same upstream with another key (at most three keys), then the next upstream.
    OtherKey,
    /// The same upstream once more, after a pause; then the next one.
    SameOnce,
    /// The next upstream of the plan.
    NextUpstream,
    /// Nothing more: answer with what there is.
    Stop,
}

/// What follows from a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// For the key.
    pub key: KeyEffect,
    /// For the upstream's breaker.
    pub health: HealthEffect,
    /// For the request.
    pub step: Step,
}

/// Judges a failed attempt. `uncertain` counts the earlier attempts of this request that may have
/// been charged: one such attempt is made good elsewhere, a second one ends the request, unless the
/// operator has switched `routing.retryUncertain` on. A charged attempt is never repeated at the
/// upstream that may have drawn it, with whatever key.
pub fn judge(fault: &Fault, policy: Policy, uncertain: u32) -> Verdict {
    let elsewhere = if fault.charge == Charge::No || policy.retry_uncertain || uncertain == 0 { Step::NextUpstream } else { Step::Stop };
    let here = |step| if fault.charge == Charge::No { step } else { elsewhere };
    let verdict = |key, health, step| Verdict { key, health, step };
    match fault.class {
        Class::InvalidRequest => verdict(KeyEffect::Untouched, HealthEffect::Alive, if fault.everywhere { Step::Stop } else { elsewhere }),
        Class::ContentRejected => {
            verdict(KeyEffect::Untouched, HealthEffect::Alive, if policy.failover_on_moderation { elsewhere } else { Step::Stop })
        }
        Class::KeyRejected => verdict(KeyEffect::Disable, HealthEffect::Alive, here(Step::OtherKey)),
        Class::QuotaExhausted => verdict(KeyEffect::CoolUntilReset(fault.retry_after), HealthEffect::Alive, here(Step::OtherKey)),
        Class::RateLimited => verdict(KeyEffect::CoolForRate(fault.retry_after), HealthEffect::Neutral, here(Step::OtherKey)),
        Class::Overloaded => verdict(KeyEffect::Untouched, HealthEffect::Failure, elsewhere),
        Class::UpstreamFault => verdict(KeyEffect::CountFailure, HealthEffect::Failure, here(Step::SameOnce)),
        Class::Blocked | Class::Timeout => verdict(KeyEffect::Untouched, HealthEffect::Failure, elsewhere),
        Class::TaskFailed => verdict(KeyEffect::Untouched, HealthEffect::Neutral, elsewhere),
        Class::ModelNotFound => {
            verdict(KeyEffect::Untouched, HealthEffect::Alive, if fault.other_key { here(Step::OtherKey) } else { elsewhere })
        }
        Class::NoKey => verdict(KeyEffect::Untouched, HealthEffect::Neutral, Step::NextUpstream),
        Class::Cancelled => verdict(KeyEffect::Untouched, HealthEffect::Neutral, Step::Stop),
        Class::Gate(_) => verdict(KeyEffect::Untouched, HealthEffect::Neutral, Step::Stop),
    }
}

/// How useful a failure is to the caller when several attempts failed: the highest is answered.
/// What the caller or the operator can act on comes first.
pub(crate) fn usefulness(fault: &Fault) -> u8 {
    match fault.class {
        Class::Gate(_) => 14,
        Class::ContentRejected => 13,
        Class::InvalidRequest => 12,
        Class::QuotaExhausted => 11,
        Class::RateLimited => 10,
        Class::Overloaded => 9,
        Class::Timeout => 8,
        Class::TaskFailed => 7,
        Class::UpstreamFault => 6,
        Class::KeyRejected => 5,
        Class::Blocked => 4,
        Class::ModelNotFound => 3,
        Class::NoKey => 2,
        Class::Cancelled => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(class: Class) -> Verdict {
        judge(&Fault::new(class).charged(Charge::No), Policy::default(), 0)
    }

    /// The table of `06-errors.md`, row by row: key afterwards, another key?, another platform?
    ///
    /// Proves R-RTY-1, R-KEY-2.
    #[test]
    fn the_whole_table() {
        use HealthEffect::{Alive, Failure, Neutral};
        use KeyEffect::{CoolForRate, CoolUntilReset, CountFailure, Disable, Untouched};
        use Step::{NextUpstream, OtherKey, SameOnce, Stop};
        for class in Class::ATTEMPT {
            let expected = match class {
                Class::InvalidRequest => (Untouched, Alive, NextUpstream),
                Class::ContentRejected => (Untouched, Alive, Stop),
                Class::KeyRejected => (Disable, Alive, OtherKey),
                Class::QuotaExhausted => (CoolUntilReset(None), Alive, OtherKey),
                Class::RateLimited => (CoolForRate(None), Neutral, OtherKey),
                Class::Overloaded => (Untouched, Failure, NextUpstream),
                Class::UpstreamFault => (CountFailure, Failure, SameOnce),
                Class::Blocked | Class::Timeout => (Untouched, Failure, NextUpstream),
                Class::TaskFailed => (Untouched, Neutral, NextUpstream),
                Class::ModelNotFound => (Untouched, Alive, NextUpstream),
                Class::NoKey => (Untouched, Neutral, NextUpstream),
                Class::Cancelled => (Untouched, Neutral, Stop),
                Class::Gate(_) => unreachable!("not a class of attempts"),
            };
            let v = row(class);
            assert_eq!((v.key, v.health, v.step), expected, "{}", class.name());
        }
    }

    #[test]
    fn a_request_wrong_everywhere_stops() {
        let v = judge(&Fault::new(Class::InvalidRequest).everywhere(), Policy::default(), 0);
        assert_eq!(v.step, Step::Stop);
    }

    #[test]
    fn a_model_that_another_account_may_have_is_asked_for_with_its_key() {
        let fault = Fault { other_key: true, ..Fault::new(Class::ModelNotFound) };
        let v = judge(&fault, Policy::default(), 0);
        assert_eq!((v.key, v.health, v.step), (KeyEffect::Untouched, HealthEffect::Alive, Step::OtherKey));
    }

    #[test]
    fn refusals_fail_over_only_by_setting() {
        let policy = Policy { failover_on_moderation: true, ..Policy::default() };
        assert_eq!(judge(&Fault::new(Class::ContentRejected), policy, 0).step, Step::NextUpstream);
    }

    #[test]
    fn a_possible_charge_is_made_good_once_and_never_at_the_same_upstream() {
        use Class::{KeyRejected, QuotaExhausted, RateLimited, Timeout, UpstreamFault};
        for class in [UpstreamFault, Timeout, KeyRejected, QuotaExhausted, RateLimited] {
            for charge in [Charge::Maybe, Charge::Yes] {
                let fault = Fault::new(class).charged(charge);
                assert_eq!(judge(&fault, Policy::default(), 0).step, Step::NextUpstream);
                assert_eq!(judge(&fault, Policy::default(), 1).step, Step::Stop);
                let bold = Policy { retry_uncertain: true, ..Policy::default() };
                assert_eq!(judge(&fault, bold, 5).step, Step::NextUpstream);
            }
        }
    }

    /// Proves R-KEY-2.
    #[test]
    fn only_faults_of_the_key_touch_the_key() {
        for class in Class::ATTEMPT {
            let touched = row(class).key != KeyEffect::Untouched;
            let may = matches!(class, Class::KeyRejected | Class::QuotaExhausted | Class::RateLimited | Class::UpstreamFault);
            assert_eq!(touched, may, "{}", class.name());
        }
    }
}

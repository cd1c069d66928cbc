//! From what happened on the wire to what follows for the request.

use crate::rules::{Purpose, Refusal};
use crate::wire::{WireFault, WireFaultKind};
use ir_model::{Charge, Class, Fault, Flaw, Gate};
use ir_spool::{SpoolError, is_out_of_descriptors};

/// A fault of a wire under an operator's address.
pub(crate) fn from_wire(fault: &WireFault) -> Fault {
    let charge = if fault.sent { Charge::Maybe } else { Charge::No };
    let class = match fault.kind {
        WireFaultKind::Timeout(_) => Class::Timeout,
        // Ours, not the platform's: neither its key nor its health is to blame.
        WireFaultKind::Exhausted => Class::Gate(Gate::Overloaded),
        WireFaultKind::Refused | WireFaultKind::Blocked => Class::Blocked,
        WireFaultKind::Resolve
        | WireFaultKind::Connect
        | WireFaultKind::Tls
        | WireFaultKind::Broken
        | WireFaultKind::TooLarge
        | WireFaultKind::Protocol => Class::UpstreamFault,
    };
    let out = Fault::new(class).charged(charge).detail(fault.to_string());
    if class != Class::Blocked {
        return out;
    }
    out.say(
        "The platform's address is not allowed by the gateway's rules; its operator has to allow it.",
        "平台地址不在网关允许的范围内，请联系管理员放行。",
    )
}

/// A fault while an address was fetched. For callers' addresses there is one text for whatever
/// happened, so that nothing is learnt of the network in here; only what the address itself tells
/// (`asked`: it is the one that the caller wrote) is told back. A platform's address that leads to a
/// forbidden place is refused for good, however it leads there.
pub(crate) fn from_fetch(fault: &WireFault, purpose: Purpose, asked: bool) -> Fault {
    if purpose.is_configured() {
        return from_wire(fault);
    }
    let told = match purpose {
        // It is the platform that named it, and nobody reads the reason but the operator: no use to try again.
        Purpose::Drawn => matches!(fault.kind, WireFaultKind::Refused | WireFaultKind::Blocked),
        Purpose::UserUrl | Purpose::Provider | Purpose::Storage | Purpose::Admin => asked && fault.kind == WireFaultKind::Refused,
    };
    if told { not_allowed(&fault.detail) } else { unreachable(&fault.to_string()) }
}

/// An address that is refused as it is written.
pub(crate) fn from_refusal(refusal: Refusal, purpose: Purpose) -> Fault {
    from_fetch(&WireFault { kind: WireFaultKind::Refused, sent: false, detail: refusal.to_string() }, purpose, true)
}

fn not_allowed(detail: &str) -> Fault {
    Fault::gate(
        Gate::UrlNotAllowed,
        "The picture's address is not allowed: only public http and https addresses are fetched.",
        "图片地址不被允许：只支持公网 http/https 地址。",
    )
    .detail(detail)
}

/// The one answer for everything that can happen while a caller's address is fetched.
pub(crate) fn unreachable(detail: &str) -> Fault {
    Fault::gate(Gate::ImageUrlUnreachable, "The picture's address could not be fetched.", "无法获取图片地址的内容。").detail(detail)
}

/// A reply whose document or body makes no sense.
pub(crate) fn nonsense(detail: impl Into<String>) -> Fault {
    Fault::new(Class::UpstreamFault).detail(detail)
}

/// A fetched body that is not a picture, or not one that we take.
pub(crate) fn from_flaw(flaw: Flaw, purpose: Purpose) -> Fault {
    let detail = format!("the fetched bytes are no picture: {flaw}");
    if purpose.is_configured() {
        return nonsense(detail);
    }
    let gate = match flaw {
        Flaw::Empty | Flaw::Truncated | Flaw::Corrupt => Gate::ImageInvalid,
        Flaw::Unsupported => Gate::ImageType,
        Flaw::TooLarge => Gate::ImageTooLarge,
    };
    Fault::gate(gate, format!("What the picture's address gave cannot be used: {flaw}."), "图片地址返回的内容不是可用的图片。")
        .detail(detail)
}

/// The spool failed while a reply was read: the request was sent, so it may have been charged.
pub(crate) fn from_spool(error: &SpoolError) -> Fault {
    let fault = match error {
        SpoolError::TooLarge { limit } => return nonsense(format!("the reply's picture is above {limit} bytes")),
        SpoolError::Base64 { at } => return nonsense(format!("the reply's base64 is wrong at {at}")),
        SpoolError::Full => Fault::new(Class::Gate(Gate::StorageFull)),
        SpoolError::Io(error) if is_out_of_descriptors(error) => {
            Fault::new(Class::Gate(Gate::Overloaded)).detail(format!("spool: {error}"))
        }
        SpoolError::Io(error) => Fault::new(Class::Gate(Gate::Internal)).detail(format!("spool: {error}")),
    };
    fault.charged(Charge::Maybe)
}

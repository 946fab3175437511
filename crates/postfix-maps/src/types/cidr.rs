//! `cidr:`: rules about network addresses (specification of the table types, section 6.1).

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::definition::Definition;
use super::rules::{Rules, RulesBuilder, Statement, each_rule, text};
use crate::config::scan::{is_space, split_while, trim_start};
use crate::error::Result;
use crate::forms::Forms;
use crate::lookup::{Failure, Found, Lookup};

/// The addresses that begin with some bits, or all others of the same family.
#[derive(Debug)]
struct Network {
    address: IpAddr,
    bits: u32,
    negated: bool,
}

#[derive(Debug)]
struct Cidr(Rules<Network, Vec<u8>>);

pub(super) fn open(definition: &mut Definition<'_>) -> Result<Box<dyn Lookup>> {
    let text = text(definition, false)?;
    let mut rules = RulesBuilder::new();
    each_rule(definition, &text, |definition, place, statement| {
        let done = match statement {
            Statement::If(pattern) => network(pattern).and_then(|condition| {
                // With `-F` Postfix looks for names of files here, too, and finds none.
                definition.value(b"")?;
                rules.begin(place, condition);
                Ok(())
            }),
            Statement::EndIf([]) => match rules.end() {
                true => Ok(()),
                false => Err(b"ENDIF without IF".to_vec()),
            },
            Statement::EndIf(_) => Err(b"garbage after ENDIF".to_vec()),
            Statement::Rule(line) => rule(definition, line).map(|(condition, result)| {
                rules.rule(condition, result);
            }),
        };
        if let Err(why) = done {
            (definition.warn)(&place.message(&[&why[..], b": skipping this rule"].concat()));
        }
        Ok(())
    })?;
    Ok(Box::new(Cidr(rules.finish(definition))))
}

impl Lookup for Cidr {
    fn get(&self, key: &[u8], forms: Forms) -> Result<Option<Found<'_>>, Failure> {
        let Some(address) = parse_address(key) else { return Ok(None) };
        let found = self.0.find(|network| network.holds(address));
        Ok(found.map(|(_, result)| (result.as_slice().into(), forms)))
    }
}

impl Network {
    fn holds(&self, address: IpAddr) -> bool {
        family_bits(address) == family_bits(self.address)
            && (first_bits(address, self.bits) == first_bits(self.address, self.bits))
                != self.negated
    }
}

/// `pattern whitespace result`.
fn rule(definition: &Definition<'_>, line: &[u8]) -> Result<(Network, Vec<u8>), Vec<u8>> {
    let end = split_while(line, |byte| byte == b'!' || is_space(byte)).1;
    let (pattern, result) = split_while(end, |byte| !is_space(byte));
    let (marks, _) = line.split_at(line.len() - end.len());
    let network = network(&[marks, pattern].concat())?;
    match trim_start(result) {
        [] => Err(b"no lookup result".to_vec()),
        result => Ok((network, definition.value(result)?)),
    }
}

/// `*( "!" / whitespace ) address [ "/" length ]`, also with brackets around the address or all of
/// it.
fn network(text: &[u8]) -> Result<Network, Vec<u8>> {
    let (marks, pattern) = split_while(text, |byte| byte == b'!' || is_space(byte));
    let negated = marks.iter().filter(|byte| **byte == b'!').count() % 2 == 1;
    if pattern.is_empty() {
        return Err(b"no address pattern".to_vec());
    }
    let pattern = without_brackets(pattern)?;
    let complain = |what: &str| [what.as_bytes(), b" \"", &pattern[..], b"\""].concat();
    let Some(slash) = pattern.iter().position(|byte| *byte == b'/') else {
        let address = parse_address(&pattern).ok_or_else(|| complain("bad address pattern:"))?;
        return Ok(Network { address, bits: family_bits(address), negated });
    };
    let (address, length) = pattern.split_at(slash);
    let bits = length_value(length).ok_or_else(|| complain("bad mask value in"))?;
    // Before it is known to be an address.
    if bits > if address.contains(&b':') { 128 } else { 32 } {
        return Err(complain("bad mask length in"));
    }
    let address = parse_address(address).ok_or_else(|| complain("bad network value in"))?;
    let first = first_bits(address, bits);
    if first != address {
        let advice = format!(", perhaps you should use \"{}/{bits}\" instead", written(first));
        return Err([&complain("non-null host address bits in")[..], advice.as_bytes()].concat());
    }
    Ok(Network { address, bits, negated })
}

fn without_brackets(pattern: &[u8]) -> Result<Cow<'_, [u8]>, Vec<u8>> {
    let Some(inner) = pattern.strip_prefix(b"[") else { return Ok(pattern.into()) };
    let (address, rest) = split_while(inner, |byte| byte != b']');
    match rest {
        [] => Err([b"missing ']' character after \"", pattern, b"\""].concat()),
        [_, rest @ ..] if rest.is_empty() || rest.starts_with(b"/") => {
            Ok([address, rest].concat().into())
        }
        _ => Err([b"garbage after \"[", address, b"]\""].concat()),
    }
}

/// The number behind a slash.
fn length_value(text: &[u8]) -> Option<u32> {
    let digits = text.get(1..).filter(|digits| digits.iter().all(u8::is_ascii_digit))?;
    match digits {
        [] => None,
        digits => Some(str::from_utf8(digits).ok()?.parse().unwrap_or(u32::MAX)),
    }
}

fn parse_address(text: &[u8]) -> Option<IpAddr> {
    str::from_utf8(text).ok()?.parse().ok()
}

fn family_bits(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// The address with all but its first bits cleared.
fn first_bits(address: IpAddr, bits: u32) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - bits.min(32)).unwrap_or(0);
            Ipv4Addr::from_bits(address.to_bits() & mask).into()
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - bits.min(128)).unwrap_or(0);
            Ipv6Addr::from_bits(address.to_bits() & mask).into()
        }
    }
}

/// The address in the C library's form: the last 32 bits of `::1.2.3.4` in decimal, too.
fn written(address: IpAddr) -> String {
    match address {
        IpAddr::V6(address) if address.to_bits() >> 16 != 0 && address.to_bits() >> 32 == 0 => {
            format!("::{}", Ipv4Addr::from_bits(address.to_bits() as u32))
        }
        address => address.to_string(),
    }
}

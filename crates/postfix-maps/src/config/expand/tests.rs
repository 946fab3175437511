use proptest::prelude::*;

use super::*;

fn parameters() -> Parameters {
    let mut parameters = Parameters::default();
    let values = [
        ("compatibility_level", "3.6"),
        ("a", "A"),
        ("b", "B$a"),
        ("empty", ""),
        ("not_yet_empty", "$empty"),
        ("loop", "$loop"),
        ("x", "<$y"),
        ("y", ">$x"),
        ("twice", "z$twice z$twice"),
        ("odd", "${b c}"),
        ("loop_in_comparison", "${{$loop_in_comparison} == {x}}"),
    ];
    for (name, value) in values {
        parameters.set(name.as_bytes(), value.as_bytes());
    }
    parameters
}

/// The value, or the warnings and what ends the expansion at once.
fn outcome(text: &str) -> Result<String, Vec<String>> {
    let mut warnings = Vec::new();
    let result = expand(&parameters(), text.as_bytes(), &mut warnings);
    let string = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    result.map(string).map_err(|problem| {
        let end = match problem {
            ConfigProblem::Expansion => None,
            _ => Some(problem.to_string()),
        };
        warnings.into_iter().map(string).chain(end).collect()
    })
}

#[test]
fn values() {
    #[rustfmt::skip]
    let cases = [
        ("", ""), ("text", "text"), ("x$a.y", "xA.y"), ("$b", "BA"), ("x$(a)z", "xAz"), ("${ a }", "A"),
        ("$undef.", "."), ("${a}}", "A}"), ("$a$b", "ABA"), ("$a{x}", "A{x}"), ("$(a))", "A)"),
        ("$$", "$"), ("$$a", "$a"), ("$$$a", "$A"), ("$$$$$a", "$$A"), ("$${a}", "${a}"),
        ("${a?t}", "t"), ("${empty?t}", ""), ("${a:t}", ""), ("${empty:t}", "t"), ("${undef:u}", "u"),
        ("${a?t:f}", "t:f"), ("${empty?t:f}", ""), ("${empty:a?b}", "a?b"), ("${:{t}}", "t"),
        ("${a?{t}:{f}}", "t"), ("${empty?{t}:{f}}", "f"), ("${empty?{t}:f}", "f"), ("${empty?{t}: f }", " f "),
        ("${ a ? {t} : {f} }", "t"), ("${a ? t}", " t"), ("${a? t }", " t "), ("${a?{ t } }", " t "),
        ("${a?$b}", "BA"), ("${a?{${b?{$a}}}}", "A"), ("${a?{$$b}}", "$b"), ("${not_yet_empty?{t}:{f}}", "t"),
        ("$(a?{t}:{f})", "t"), ("$(a?t)", "t"), ("${a?{(}}", "("), ("$(a?{t()}:{f})", "t()"),
        ("${{a}=={a}}", "true"), ("${{a}=={b}}", ""), ("${{a}!={b}?t}", "t"), ("${{a}=={b}:t u }", "t u "),
        ("${ {$a} == {A} ? {t} : {f} }", "t"), ("${{ a}=={a}?{t}:{f}}", "f"), ("$({$b}=={BA})", "true"),
        ("${{9}<{10}}", "true"), ("${{9x}<{10}}", ""), ("${{09}=={9}}", "true"), ("${{-9}<{-10}}", ""),
        ("${{}<{9}}", "true"), ("${{}<={}}", "true"), ("${{}>={}}", "true"), ("${{b}>{a}}", "true"),
        ("${{$compatibility_level} <level {1} ? {no} : {yes}}", "yes"),
        ("${{3.10}>level{3.7}}", "true"), ("${{3.10}>{3.7}}", ""), ("${{3.6}==level{3.6.0}}", "true"),
        ("${{001.+2. 3}==level{1.2.3}}", "true"), ("${{8796093022207.1023.1023}>level{1}}", "true"),
        // The other text is not even looked at.
        ("${empty?{$}:{x}}", "x"), ("${a?{x}:{$}}", "x"),
    ];
    for (text, value) in cases {
        assert_eq!(outcome(text).as_deref(), Ok(value), "{text}");
    }
}

#[test]
fn mistakes() {
    let relations = r#""==" or "!="" or "<"" or "<="" or ">="" or ">" expected at: "#;
    let of_relations = |at: &str| format!("{relations}\"...{at}\"");
    let nesting = |name: &str| format!("unreasonable macro call nesting: \"{name}\"");
    let strings = |texts: &[&str]| texts.iter().map(|text| text.to_string()).collect::<Vec<_>>();
    #[rustfmt::skip]
    let cases = [
        ("x$", strings(&[r#"empty macro name: "x$""#])),
        ("x${}", strings(&[r#"empty macro name: "x${}""#])),
        ("x${a", strings(&[r#"truncated macro reference: "x${a""#])),
        ("x$(a}", strings(&[r#"truncated macro reference: "x$(a}""#])),
        ("${a b}", strings(&[r#"attribute name syntax error at: "...a>>> b""#])),
        ("${ -}", strings(&[r#"attribute name syntax error at: "... >>>-""#])),
        ("$(a(b))", strings(&[r#"attribute name syntax error at: "...a>>>(b)""#])),
        ("${a-0123456789012345678901234}", strings(&[r#"attribute name syntax error at: "...a>>>-0123456789012345678""#])),
        ("${a?{t}y}", strings(&[r#"":" expected at: "...t}>>>y""#])),
        ("${a?{t}:{f}x}", strings(&[r#"unexpected input at: "...f}>>>x""#])),
        ("${a:{t}?{f}}", strings(&[r#"unexpected input at: "...t}>>>?{f}""#])),
        ("$(a?{t)", strings(&[r#"unbalanced {} in attribute expression: "{t""#])),
        ("${{$a}=~{b}}", vec![of_relations("$a}>>>=~{b}")]),
        ("${{a}==/{b}}", vec![of_relations("a}>>>==/{b}")]),
        ("${{a}}", vec![of_relations("a}>>>")]),
        ("${{a}==b}", strings(&[r#"bad operator suffix at: "...==>>>b""#])),
        ("${{a}== b}", strings(&[r#""{expression}" expected at: "...{a} ==>>> b""#])),
        ("${{a}=={b}x}", strings(&[r#""?" or ":" expected at: "...}>>>x""#])),
        ("${{x}>level{3.7}}", strings(&[r#"malformed compatibility level syntax: "x""#])),
        ("${{1.1024}>level{1}}", strings(&[r#"malformed compatibility level syntax: "1.1024""#])),
        ("${{8796093022208}>level{1}}", strings(&[r#"malformed compatibility level syntax: "8796093022208""#])),
        ("${{9}<{9223372036854775808}}", strings(&["mac_exp_eval: bad conversion: 9223372036854775808"])),
        ("$loop", vec![nesting("loop")]),
        ("$x", vec![nesting("<"), nesting("y")]),
        // What is still said after a mistake, and what is not.
        ("$odd$.", strings(&[r#"attribute name syntax error at: "...b>>> c""#, r#"empty macro name: "$odd$.""#])),
        ("$odd${", strings(&[r#"attribute name syntax error at: "...b>>> c""#, r#"truncated macro reference: "$odd${""#])),
        ("$odd$(a)$.", strings(&[r#"attribute name syntax error at: "...b>>> c""#])),
        ("$odd$odd", strings(&[r#"attribute name syntax error at: "...b>>> c""#])),
        ("${a?{$}x}", strings(&[r#"empty macro name: "$""#, r#"":" expected at: "...$}>>>x""#])),
        ("${{$}==level{a}x}", strings(&[r#"empty macro name: "$""#, r#"malformed compatibility level syntax: """#])),
        ("${{$loop}=={$loop}}", vec![nesting("loop"), nesting("loop")]),
    ];
    for (text, warnings) in cases {
        assert_eq!(outcome(text), Err(warnings), "{text}");
    }
    // On its way back from the limit Postfix warns of every piece that it passes.
    assert_eq!(outcome("$twice").unwrap_err().len(), 204);
}

#[test]
fn what_would_not_end_is_refused() {
    let too_large = Err(vec![ConfigProblem::TooLarge.to_string()]);
    assert_eq!(outcome("$loop_in_comparison"), too_large);
    let mut parameters = Parameters::default();
    for level in 0..90 {
        let name = format!("p{level}");
        let value = format!("$p{next}$p{next}", next = level + 1);
        parameters.set(name.as_bytes(), value.as_bytes());
    }
    let doubled = expand(&parameters, b"$p0", &mut Vec::new());
    assert!(matches!(doubled, Err(ConfigProblem::TooLarge)), "{doubled:?}");
}

/// Text made of what the syntax is made of.
fn syntax() -> impl Strategy<Value = String> {
    let token = prop::sample::select(vec![
        "$",
        "$$",
        "{",
        "}",
        "(",
        ")",
        "${",
        "$(",
        "?",
        ":",
        "==",
        "<",
        "level",
        " ",
        "x",
        "3.6",
        "${x",
        "${{x}",
        "$a",
        "$b",
        "$loop",
        "$loop_in_comparison",
        "$twice",
        "\t",
        "-",
        "\u{e9}",
    ]);
    prop::collection::vec(token, 0..40).prop_map(|tokens| tokens.concat())
}

proptest! {
    #[test]
    fn any_text_ends_in_a_value_or_an_error(a in syntax(), b in syntax(), text in syntax()) {
        let mut parameters = parameters();
        parameters.set(b"a", a.as_bytes());
        parameters.set(b"b", b.as_bytes());
        let mut warnings = Vec::new();
        let result = expand(&parameters, text.as_bytes(), &mut warnings);
        let warned = matches!(result, Err(ConfigProblem::Expansion));
        prop_assert!(result.is_err() || warnings.is_empty());
        prop_assert!(!warned || !warnings.is_empty());
    }

    #[test]
    fn text_without_dollars_stands_for_itself(text in "[^$]*") {
        prop_assert_eq!(outcome(&text), Ok(text));
    }

    #[test]
    fn doubled_dollars_stand_for_one(text in any::<String>()) {
        let written = text.replace('$', "$$");
        prop_assert_eq!(outcome(&written), Ok(text));
    }
}

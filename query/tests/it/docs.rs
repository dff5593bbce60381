//! docs/sql.md shows nothing that no test runs.

#[test]
fn every_documented_statement_is_in_a_test() {
    let root = concat!(".", "/..");
    let read = |path: &str| std::fs::read_to_string(format!("{root}/{path}")).unwrap();
    let (docs, tests) = (read("docs/sql.md"), read("tests/slt/docs.slt"));
    let shown: Vec<&str> = docs.split("```sql\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(shown.len() > 15);
    for statement in shown {
        let statement = statement.trim().trim_end_matches(';');
        assert!(tests.contains(statement), "add to tests/slt/docs.slt:\n{statement}");
    }
}

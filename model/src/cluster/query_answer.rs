//! What a server answered to somebody's own statement.

/// Rows and columns, as text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueryAnswer {
    /// The columns; none when the statement gives no rows.
    pub columns: Vec<QueryColumn>,
    /// The rows; a value that is NULL is none.
    pub rows: Vec<Vec<Option<String>>>,
    /// How many rows the statement has touched, as the server says at its end; none when it said nothing.
    pub count: Option<u64>,
    /// Why there is more than was taken; none when this is all.
    pub cut: Option<QueryCut>,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryColumn {
    /// Its name; names may stand twice.
    pub name: String,
    /// The server's name of its type: `int8`, `text`, `_text`.
    pub type_name: String,
    /// How a value of it is written in JSON.
    pub kind: QueryColumnKind,
}

/// How a value is written in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryColumnKind {
    /// `smallint`, `integer`, `bigint`, `oid`: a number.
    Integer,
    /// `real`, `double precision`, `numeric`: a number where JSON has it (not NaN, not Infinity) and keeps all its
    /// digits.
    Number,
    /// `boolean`.
    Boolean,
    /// `json`, `jsonb`: as it is; a number that would lose digits is a string.
    Json,
    /// Anything else: a string, as PostgreSQL writes it.
    Text,
}

/// Which limit an answer has reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryCut {
    /// So many rows were taken.
    Rows,
    /// So many bytes came.
    Bytes,
}

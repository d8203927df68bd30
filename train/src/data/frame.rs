//! A table as it stands in a file: named columns of one length, each of numbers or of text.
//!
//! A [`Dataset`](super::Dataset) holds what a model sees, numbers alone; a `Frame` is what was read, before
//! [`Schema`](super::Schema) decides which columns are features, how words become numbers and by what they are scaled.

use super::error::DataError;
use super::fingerprint::Fingerprint;
use std::collections::HashMap;

/// Text cells, each distinct one stored once.
///
/// ```
/// use evidence_train::data::Categories;
///
/// let colours: Categories = ["red", "blue", "red"].into_iter().collect();
/// assert_eq!((colours.levels(), colours.codes()), (&["red".into(), "blue".into()][..], &[0, 1, 0][..]));
/// assert_eq!(colours.text(2), "red");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Categories {
    levels: Vec<String>,
    index: HashMap<String, u32>,
    codes: Vec<u32>,
}

impl Categories {
    /// The distinct texts, in the order in which they were met.
    pub fn levels(&self) -> &[String] {
        &self.levels
    }

    /// For each row, which of the levels stands there.
    pub fn codes(&self) -> &[u32] {
        &self.codes
    }

    /// The text in a row.
    ///
    /// # Panics
    /// When there is no such row.
    #[track_caller]
    pub fn text(&self, row: usize) -> &str {
        &self.levels[self.codes[row] as usize]
    }

    /// Adds a row.
    ///
    /// # Panics
    /// On the 2³²-th distinct text.
    pub fn push(&mut self, text: &str) {
        let code = match self.index.get(text) {
            Some(&code) => code,
            None => self.level(text.to_owned()),
        };
        self.codes.push(code);
    }

    fn level(&mut self, text: String) -> u32 {
        let code = u32::try_from(self.levels.len()).expect("fewer than 2³² distinct texts");
        self.levels.push(text.clone());
        self.index.insert(text, code);
        code
    }

    fn append(&mut self, other: Self) {
        // A level is taken over with its first row: one that only dropped rows had is left behind.
        let mut codes = vec![None; other.levels.len()];
        for &code in &other.codes {
            let code = code as usize;
            let known = codes[code].or_else(|| self.index.get(&other.levels[code]).copied());
            let known = known.unwrap_or_else(|| self.level(other.levels[code].clone()));
            codes[code] = Some(known);
            self.codes.push(known);
        }
    }
}

impl<S: AsRef<str>> FromIterator<S> for Categories {
    fn from_iter<I: IntoIterator<Item = S>>(texts: I) -> Self {
        let mut all = Self::default();
        texts.into_iter().for_each(|text| all.push(text.as_ref()));
        all
    }
}

/// Equal when the rows are, whatever the order of the levels.
impl PartialEq for Categories {
    fn eq(&self, other: &Self) -> bool {
        self.codes.len() == other.codes.len()
            && (0..self.codes.len()).all(|row| self.text(row) == other.text(row))
    }
}

/// One column of a [`Frame`].
#[derive(Clone, Debug, PartialEq)]
pub enum Column {
    /// Finite numbers.
    Numbers(Vec<f64>),
    /// Text, for classes and categories.
    Text(Categories),
}

impl Column {
    /// How many rows it has.
    pub fn len(&self) -> usize {
        match self {
            Self::Numbers(numbers) => numbers.len(),
            Self::Text(text) => text.codes.len(),
        }
    }

    /// Whether it has no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A row's cell as it would be written.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn cell(&self, row: usize) -> String {
        match self {
            Self::Numbers(numbers) => numbers[row].to_string(),
            Self::Text(text) => text.text(row).to_owned(),
        }
    }

    /// Forgets the rows from `rows` on.
    pub(super) fn truncate(&mut self, rows: usize) {
        match self {
            Self::Numbers(numbers) => numbers.truncate(rows),
            Self::Text(text) => text.codes.truncate(rows),
        }
    }

    fn split_off(&mut self, at: usize) -> Self {
        match self {
            Self::Numbers(numbers) => Self::Numbers(numbers.split_off(at)),
            Self::Text(text) => {
                let codes = text.codes.split_off(at);
                Self::Text(Categories { codes, ..text.clone() })
            }
        }
    }

    /// Each cell once.
    pub(super) fn distinct(&self) -> Self {
        match self {
            Self::Numbers(numbers) => {
                // 0 and −0 are one number.
                let mut numbers: Vec<f64> = numbers.iter().map(|x| x + 0.0).collect();
                numbers.sort_unstable_by(f64::total_cmp);
                numbers.dedup();
                Self::Numbers(numbers)
            }
            Self::Text(text) => {
                let mut met = vec![false; text.levels.len()];
                let first = text
                    .codes
                    .iter()
                    .filter(|&&code| !std::mem::replace(&mut met[code as usize], true));
                Self::Text(first.map(|&code| &text.levels[code as usize]).collect())
            }
        }
    }

    /// Makes room for so many more rows.
    pub(super) fn reserve(&mut self, rows: usize) {
        match self {
            Self::Numbers(numbers) => numbers.reserve_exact(rows),
            Self::Text(text) => text.codes.reserve_exact(rows),
        }
    }

    pub(super) fn append(&mut self, other: Self) {
        match (self, other) {
            (Self::Numbers(all), Self::Numbers(more)) => all.extend_from_slice(&more),
            (Self::Text(all), Self::Text(more)) => all.append(more),
            _ => unreachable!("parts of one table agree on what a column holds"),
        }
    }

    fn select(&self, rows: &[usize]) -> Self {
        match self {
            Self::Numbers(numbers) => Self::Numbers(rows.iter().map(|&row| numbers[row]).collect()),
            Self::Text(text) => Self::Text(rows.iter().map(|&row| text.text(row)).collect()),
        }
    }
}

/// Named columns of one length.
///
/// ```
/// use evidence_train::data::{Column, Frame};
///
/// let frame = Frame::new(
///     vec!["height".into(), "colour".into()],
///     vec![Column::Numbers(vec![1.5, 2.0]), Column::Text(["red", "blue"].into_iter().collect())],
/// )?;
/// assert_eq!(frame.rows(), 2);
/// assert_eq!(frame.column("colour").unwrap().cell(1), "blue");
/// # Ok::<(), evidence_train::data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    names: Vec<String>,
    named: bool,
    columns: Vec<Column>,
    /// Rows of the table before the first of these, those left out included.
    first: u64,
    /// For each row left out, which of those that are here stands behind it.
    left_out: Vec<usize>,
}

impl Frame {
    /// Columns and their names.
    ///
    /// # Errors
    /// [`DataError::NoColumns`], [`DataError::Names`], [`DataError::RepeatedName`], [`DataError::ColumnLength`].
    pub fn new(names: Vec<String>, columns: Vec<Column>) -> Result<Self, DataError> {
        if columns.is_empty() {
            return Err(DataError::NoColumns { purpose: "make a table of" });
        }
        if names.len() != columns.len() {
            return Err(DataError::Names { names: names.len(), columns: columns.len() });
        }
        if let Some(name) = repeated(&names) {
            return Err(DataError::RepeatedName { name });
        }
        let rows = columns[0].len();
        if let Some((name, column)) = names.iter().zip(&columns).find(|(_, c)| c.len() != rows) {
            let (name, found) = (name.clone(), column.len());
            return Err(DataError::ColumnLength { name, rows, found });
        }
        Ok(Self::read(names, true, columns, Vec::new()))
    }

    /// Columns read from a file with names that are known to be distinct; for each row left out, which stands behind it.
    pub(super) fn read(
        names: Vec<String>,
        named: bool,
        columns: Vec<Column>,
        left_out: Vec<usize>,
    ) -> Self {
        Self { names, named, columns, first: 0, left_out }
    }

    /// The same rows behind so many others of the table.
    pub(super) fn behind(self, rows: u64) -> Self {
        Self { first: rows, ..self }
    }

    /// Which row of the table a row is, from 0: rows before this portion and rows left out are counted too.
    pub fn number(&self, row: usize) -> u64 {
        self.first + (row + self.left_out.partition_point(|&behind| behind <= row)) as u64
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.columns[0].len()
    }

    /// One name a column; `column 1`, … where the file had none.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether the names are the file's own.
    pub fn is_named(&self) -> bool {
        self.named
    }

    /// All columns, in the order of the file.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The column of a name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.names.iter().position(|n| n == name).map(|i| &self.columns[i])
    }

    /// Rows that were left out for a missing cell.
    pub fn dropped(&self) -> usize {
        self.left_out.len()
    }

    /// The columns of both, side by side: images beside their labels.
    ///
    /// # Errors
    /// [`DataError::ColumnLength`] unless they have as many rows, [`DataError::RepeatedName`].
    pub fn beside(mut self, other: Self) -> Result<Self, DataError> {
        let (named, first) = (self.named && other.named, self.first);
        let mut left_out = [self.left_out, other.left_out].concat();
        left_out.sort_unstable();
        self.names.extend(other.names);
        self.columns.extend(other.columns);
        Ok(Self { named, first, left_out, ..Self::new(self.names, self.columns)? })
    }

    /// Makes room for so many more rows.
    pub(super) fn reserve(&mut self, rows: usize) {
        self.columns.iter_mut().for_each(|column| column.reserve(rows));
    }

    /// The rows of another part of the same table, below these.
    ///
    /// # Panics
    /// If it is no part of the same table: of other columns.
    #[track_caller]
    pub fn append(&mut self, other: Self) {
        assert!(
            self.names == other.names,
            "Frame: rows of columns {:?} below columns {:?}",
            other.names,
            self.names
        );
        let before = self.rows();
        self.left_out.extend(other.left_out.iter().map(|behind| before + behind));
        for (column, more) in self.columns.iter_mut().zip(other.columns) {
            column.append(more);
        }
    }

    /// Takes away the rows from `at` on.
    ///
    /// # Panics
    /// If there are fewer.
    pub fn split_off(&mut self, at: usize) -> Self {
        let columns = self.columns.iter_mut().map(|column| column.split_off(at)).collect();
        let gap = self.left_out.partition_point(|&behind| behind < at);
        let left_out = self.left_out.split_off(gap).iter().map(|behind| behind - at).collect();
        Self::read(self.names.clone(), self.named, columns, left_out)
            .behind(self.first + (at + gap) as u64)
    }

    /// The rows listed, in that order.
    pub(super) fn select(&self, rows: &[usize]) -> Self {
        let columns = self.columns.iter().map(|column| column.select(rows)).collect();
        Self::read(self.names.clone(), self.named, columns, Vec::new())
    }

    /// A hash of names and cells, the same for the same table in whatever format it is stored.
    ///
    /// It tells whether two runs saw the same data. It is no defence against someone who wants two tables to collide.
    pub fn fingerprint(&self) -> u64 {
        let mut hash = Fingerprint::new(self);
        hash.add(self);
        hash.value()
    }
}

/// The first name that stands twice.
pub(super) fn repeated(names: &[String]) -> Option<String> {
    let mut seen = std::collections::HashSet::new();
    names.iter().find(|name| !seen.insert(name.as_str())).cloned()
}

//! How a message is declared: once, as its fields in the order of their bytes. Its struct, its reading or writing, and
//! its line of the published table follow.
//!
//! ```text
//! messages! {
//!     /// What it is.
//!     33 SetSymbolStatus: { status: SymbolStatus, [1] symbol_id: u32 }
//! }
//! ```
//!
//! is number 33, then a status of one byte, one zero byte (`[1]`; at the end `; [1]`), and an id. The length of a text
//! stands at its place as one byte, and its characters after all fixed parts. A field `terms: Terms where CONDITION` is
//! a block that is only there under a condition on the others, between the fixed part and the texts. A `=> check` at the
//! end is a method that must hold. Numbers are little-endian.

use std::fmt::{Display, Write};

use crate::language::bytes::{put, take};
use crate::language::text::{Ascii, Text};

/// Every layout starts with its type and its version.
pub const VERSION: u8 = 1;

/// The bytes of a command while it is read: the fixed part, and what comes after it.
pub struct Input<'a> {
    pub fixed: &'a [u8],
    pub at: usize,
    pub rest: &'a [u8],
}

impl<'a> Input<'a> {
    /// Begin with a part of this length; `at` is how much of it was read before.
    #[inline(always)]
    pub fn new(raw: &'a [u8], fixed: usize, at: usize) -> Option<Self> {
        let (fixed, rest) = raw.split_at_checked(fixed)?;
        Some(Self { fixed, at, rest })
    }

    #[inline(always)]
    pub fn take<const N: usize>(&mut self) -> [u8; N] {
        let bytes = take(self.fixed, self.at);
        self.at += N;
        bytes
    }

    /// Read bytes that must be zero.
    #[inline(always)]
    pub fn zero(&mut self, count: usize) -> Option<()> {
        let zeros = &self.fixed[self.at..self.at + count];
        self.at += count;
        zeros.iter().all(|byte| *byte == 0).then_some(())
    }

    /// Cut off what comes first after the fixed part.
    #[inline(always)]
    pub fn cut(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(head)
    }
}

/// Something a command holds, read in two steps: its place in the fixed part, then what comes after that part.
pub trait Field<'a>: Sized {
    /// Bytes in the fixed part.
    const WIDTH: usize;
    /// How the published table writes it.
    const KIND: &'static str;
    /// What is known after the fixed part.
    type Place: Copy;

    fn read(input: &mut Input<'a>) -> Option<Self::Place>;

    /// Complete it, `None` if it is not sound. Only a block asks whether it `is_there`.
    fn complete(place: Self::Place, input: &mut Input<'a>, is_there: bool) -> Option<Self>;

    /// Add its name and kind to a line of the published table.
    fn describe(name: &str, line: &mut Line) {
        line.field(name, Self::KIND);
    }

    /// Add what a block adds after the fixed part.
    fn describe_block(_name: &str, _line: &mut Line) {}
}

/// Something an event holds.
pub trait Written: Sized {
    const BYTES: usize;
    const SHOWN: &'static str;

    fn write(&self, event: &mut [u8], at: usize);

    /// Read it again, `None` if it was never written so.
    fn read_again(event: &[u8], at: usize) -> Option<Self>;
}

macro_rules! number_fields {
    ($($number:ident)*) => {$(
        impl<'a> Field<'a> for $number {
            const WIDTH: usize = size_of::<Self>();
            const KIND: &'static str = stringify!($number);
            type Place = Self;

            #[inline(always)]
            fn read(input: &mut Input<'a>) -> Option<Self> {
                Some(Self::from_le_bytes(input.take()))
            }

            #[inline(always)]
            fn complete(place: Self, _: &mut Input<'a>, _: bool) -> Option<Self> {
                Some(place)
            }
        }

        impl Written for $number {
            const BYTES: usize = size_of::<Self>();
            const SHOWN: &'static str = stringify!($number);

            #[inline(always)]
            fn write(&self, event: &mut [u8], at: usize) {
                put(event, at, self.to_le_bytes());
            }

            #[inline(always)]
            fn read_again(event: &[u8], at: usize) -> Option<Self> {
                Some(Self::from_le_bytes(take(event, at)))
            }
        }
    )*};
}

number_fields! { u8 u16 u32 u64 i32 i64 i128 }

/// Let a closed set be a field: `$number` on the wire, `None` for a number that is none of its members.
macro_rules! set_field {
    ($name:ident: $number:ident) => {
        impl<'a> crate::language::layout::Field<'a> for $name {
            const WIDTH: usize = size_of::<$number>();
            const KIND: &'static str = stringify!($number);
            type Place = Self;

            #[inline(always)]
            fn read(input: &mut crate::language::layout::Input<'a>) -> Option<Self> {
                Self::of($number::from_le_bytes(input.take()))
            }

            #[inline(always)]
            fn complete(place: Self, _: &mut crate::language::layout::Input<'a>, _: bool) -> Option<Self> {
                Some(place)
            }
        }

        /// Where it may be left out: 0 for none.
        impl<'a> crate::language::layout::Field<'a> for Option<$name> {
            const WIDTH: usize = size_of::<$number>();
            const KIND: &'static str = stringify!($number);
            type Place = Self;

            #[inline(always)]
            fn read(input: &mut crate::language::layout::Input<'a>) -> Option<Self> {
                match $number::from_le_bytes(input.take()) {
                    0 => Some(None),
                    number => $name::of(number).map(Some),
                }
            }

            #[inline(always)]
            fn complete(place: Self, _: &mut crate::language::layout::Input<'a>, _: bool) -> Option<Self> {
                Some(place)
            }
        }

        impl crate::language::layout::Written for $name {
            const BYTES: usize = size_of::<$number>();
            const SHOWN: &'static str = stringify!($number);

            #[inline(always)]
            fn write(&self, event: &mut [u8], at: usize) {
                crate::language::bytes::put(event, at, (*self as $number).to_le_bytes());
            }

            #[inline(always)]
            fn read_again(event: &[u8], at: usize) -> Option<Self> {
                Self::of($number::from_le_bytes(crate::language::bytes::take(event, at)))
            }
        }
    };
}
pub(crate) use set_field;

impl<'a> Field<'a> for bool {
    const WIDTH: usize = 1;
    const KIND: &'static str = "u8";
    type Place = Self;

    #[inline(always)]
    fn read(input: &mut Input<'a>) -> Option<Self> {
        match input.take() {
            [0] => Some(false),
            [1] => Some(true),
            _ => None,
        }
    }

    #[inline(always)]
    fn complete(place: Self, _: &mut Input<'a>, _: bool) -> Option<Self> {
        Some(place)
    }
}

impl Written for bool {
    const BYTES: usize = 1;
    const SHOWN: &'static str = "u8";

    #[inline(always)]
    fn write(&self, event: &mut [u8], at: usize) {
        event[at] = u8::from(*self);
    }

    #[inline(always)]
    fn read_again(event: &[u8], at: usize) -> Option<Self> {
        (event[at] <= 1).then_some(event[at] == 1)
    }
}

/// A text that is kept.
impl<'a, const N: usize> Field<'a> for Text<N> {
    const WIDTH: usize = 1;
    const KIND: &'static str = "text";
    type Place = u8;

    #[inline(always)]
    fn read(input: &mut Input<'a>) -> Option<u8> {
        u8::read(input)
    }

    fn complete(length: u8, input: &mut Input<'a>, _: bool) -> Option<Self> {
        Text::new(input.cut(length as usize)?)
    }
}

/// A text that is looked at where it lies.
impl<'a, const LEAST: usize, const MOST: usize> Field<'a> for Ascii<'a, LEAST, MOST> {
    const WIDTH: usize = 1;
    const KIND: &'static str = "text";
    type Place = u8;

    #[inline(always)]
    fn read(input: &mut Input<'a>) -> Option<u8> {
        u8::read(input)
    }

    #[inline(always)]
    fn complete(length: u8, input: &mut Input<'a>, _: bool) -> Option<Self> {
        Ascii::new(input.cut(length as usize)?)
    }
}

/// Write a name of the core as the published table and Python write it: `SetMark` is `SET_MARK`.
pub fn constant_case(name: &str) -> String {
    let mut text = String::new();
    for (at, letter) in name.char_indices() {
        if at > 0 && letter.is_ascii_uppercase() {
            text.push('_');
        }
        text.push(letter.to_ascii_uppercase());
    }
    text
}

// What these macros need is imported where they are used: in `command` and in `event`.

/// Make the struct of a message.
macro_rules! message_struct {
    ($(#[$note:meta])* $name:ident $(<$life:lifetime>)? {
        $($(#[$field_note:meta])* $([$zero:literal])? $field:ident: $kind:ty $(where $condition:expr)?),* $(,)? $(; [$rest:literal])? $(=> $check:ident)?
    }) => {
        $(#[$note])*
        // Some fields are only handed through.
        #[allow(dead_code)]
        #[derive(Clone, Copy)]
        pub struct $name $(<$life>)? {
            $($(#[$field_note])* pub $field: $kind,)*
        }
    };
}
pub(crate) use message_struct;

/// Let a message be read from a command.
macro_rules! readable {
    ($(#[$note:meta])* $name:ident $(<$life:lifetime>)? {
        $($(#[$field_note:meta])* $([$zero:literal])? $field:ident: $kind:ty $(where $condition:expr)?),* $(,)? $(; [$rest:literal])? $(=> $check:ident)?
    }) => {
        impl $(<$life>)? $name $(<$life>)? {
            /// Bytes of the fixed part, type and version included.
            pub const FIXED: usize = 2
                $($(+ $zero)? + <$kind as Field>::WIDTH)* $(+ $rest)?;

            /// Read it to the letter, `None` if it is not.
            #[inline(always)]
            #[allow(unused_variables, unused_mut)]
            pub fn read(raw: readable!(@bytes $($life)?)) -> Option<Self> {
                let mut input = Input::new(raw, Self::FIXED, 2)?;
                $($(input.zero($zero)?;)? let $field = <$kind as Field>::read(&mut input)?;)*
                $(input.zero($rest)?;)?
                $(let is_there = true $(&& $condition)?; let $field = <$kind as Field>::complete($field, &mut input, is_there)?;)*
                let message = Self { $($field),* };
                (input.rest.is_empty() $(&& message.$check())?).then_some(message)
            }

            /// Its fields as the published table lists them.
            #[allow(unused_variables)]
            pub fn describe(line: &mut Line) {
                $($(line.field("zero", $zero);)? <$kind as Field>::describe(stringify!($field), line);)*
                $(line.field("zero", $rest);)?
                $(<$kind as Field>::describe_block(stringify!($field), line);)*
            }
        }
    };
    (@bytes) => { &[u8] };
    (@bytes $life:lifetime) => { &$life [u8] };
}
pub(crate) use readable;

/// A part of a command that is only there when it says something.
macro_rules! block {
    ($(#[$note:meta])* $name:ident {
        $($(#[$field_note:meta])* $([$zero:literal])? $field:ident: $kind:ty),* $(,)? $(; [$rest:literal])? $(=> $check:ident)?
    }) => {
        $(#[$note])*
        #[derive(Clone, Copy, Default, PartialEq)]
        pub struct $name {
            $($(#[$field_note])* pub $field: $kind,)*
        }

        impl $name {
            pub const BYTES: usize = 0 $($(+ $zero)? + <$kind as Field>::WIDTH)* $(+ $rest)?;
        }

        impl<'a> Field<'a> for $name {
            const WIDTH: usize = 0;
            const KIND: &'static str = "block";
            type Place = ();

            #[inline(always)]
            fn read(_: &mut Input<'a>) -> Option<()> {
                Some(())
            }

            #[inline(always)]
            fn complete((): (), input: &mut Input<'a>, is_there: bool) -> Option<Self> {
                if !is_there {
                    return Some(Self::default());
                }
                let mut input = Input::new(input.cut(Self::BYTES)?, Self::BYTES, 0)?;
                $($(input.zero($zero)?;)? let $field = <$kind as Field>::read(&mut input)?;)*
                $(input.zero($rest)?;)?
                Some(Self { $($field),* })
            }

            fn describe(_name: &str, _line: &mut Line) {}

            fn describe_block(name: &str, line: &mut Line) {
                $(
                    $(line.field(&format!("{name}.zero"), $zero);)?
                    line.field(&format!("{name}.{}", stringify!($field)), <$kind as Field>::KIND);
                )*
                $(line.field(&format!("{name}.zero"), $rest);)?
            }
        }
    };
}
pub(crate) use block;

/// Make a byte of flags; a flag that is none of these makes a command unsound.
macro_rules! flags {
    ($name:ident { $($flag:ident = $bit:literal),* }) => {
        #[derive(Clone, Copy)]
        pub struct $name(u8);

        impl $name {
            $(#[allow(dead_code)]
            pub fn $flag(self) -> bool {
                self.0 & $bit != 0
            })*
        }

        impl<'a> Field<'a> for $name {
            const WIDTH: usize = 1;
            const KIND: &'static str = "flags";
            type Place = Self;

            #[inline(always)]
            fn read(input: &mut Input<'a>) -> Option<Self> {
                let [flags] = input.take();
                (flags & !(0 $(| $bit)*) == 0).then_some(Self(flags))
            }

            #[inline(always)]
            fn complete(place: Self, _: &mut Input<'a>, _: bool) -> Option<Self> {
                Some(place)
            }

            fn describe(name: &str, line: &mut Line) {
                line.field(name, [$(stringify!($flag)),*].join("|"));
            }
        }
    };
}
pub(crate) use flags;

/// Let a message be written as an event, and read again.
macro_rules! writable {
    ($(#[$note:meta])* $name:ident {
        $($(#[$field_note:meta])* $([$zero:literal])? $field:ident: $kind:ty),* $(,)? $(; [$rest:literal])? $(=> $check:ident)?
    }) => {
        impl $name {
            /// Bytes of it, the head included.
            pub const BYTES: usize = 4
                $($(+ $zero)? + <$kind as Written>::BYTES)* $(+ $rest)?;

            /// Its fields as the published table lists them.
            #[allow(unused_variables)]
            pub fn describe(line: &mut Line) {
                $(
                    $(line.field("zero", $zero);)?
                    line.field(stringify!($field), <$kind as Written>::SHOWN);
                )*
                $(line.field("zero", $rest);)?
            }

            /// Read it out of a record.
            #[inline(always)]
            #[allow(dead_code, unused_assignments, unused_mut, unused_variables)]
            pub fn read(event: &[u8]) -> Option<Self> {
                if event.len() != Self::BYTES {
                    return None;
                }
                let mut at = 4;
                $(
                    $(at += $zero;)?
                    let $field = <$kind as Written>::read_again(event, at)?;
                    at += <$kind as Written>::BYTES;
                )*
                Some(Self { $($field),* })
            }
        }

        impl Event for $name {
            #[inline(always)]
            #[allow(unused_assignments, unused_mut, unused_variables)]
            fn append(&self, bytes: &mut Vec<u8>) {
                let mut event = [0; Self::BYTES];
                let [low, high] = (Self::BYTES as u16).to_le_bytes();
                put(&mut event, 0, [low, high, EventType::$name as u8, VERSION]);
                let mut at = 4;
                $(
                    $(at += $zero;)?
                    self.$field.write(&mut event, at);
                    at += <$kind as Written>::BYTES;
                )*
                bytes.extend_from_slice(&event);
            }
        }
    };
}
pub(crate) use writable;

/// What a record tells.
pub trait Event {
    /// Append its bytes to the record.
    fn append(&self, bytes: &mut Vec<u8>);
}

/// Lines of the published table: words between spaces.
#[derive(Default)]
pub struct Line {
    pub text: String,
}

impl Line {
    /// Begin the next line.
    pub fn begin(&mut self, kind: &str, name: impl Display) -> &mut Self {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(kind);
        self.word(name)
    }

    pub fn word(&mut self, word: impl Display) -> &mut Self {
        write!(self.text, " {word}").expect("a String takes everything");
        self
    }

    pub fn field(&mut self, name: &str, kind: impl Display) {
        write!(self.text, " {name}:{kind}").expect("a String takes everything");
    }
}

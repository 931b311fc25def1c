//! The comments of the contract, which the reference and the command line show to people.

use std::{collections::HashMap, sync::LazyLock};

use prost_reflect::{DescriptorPool, FileDescriptor};
use renkei_proto::COMMENTED_DESCRIPTOR_SET;

/// The descriptors of the contract with their comments. It is empty if they cannot be read, which tests refuse.
pub static COMMENTED: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(COMMENTED_DESCRIPTOR_SET).unwrap_or_default());

/// The comments by file and place.
static COMMENTS: LazyLock<HashMap<(String, Vec<i32>), String>> = LazyLock::new(|| {
    let mut comments = HashMap::new();
    for file in COMMENTED.files() {
        let locations = file.file_descriptor_proto().source_code_info.iter().flat_map(|info| &info.location);
        for location in locations {
            if let Some(comment) = &location.leading_comments {
                comments.insert((file.name().to_owned(), location.path.clone()), comment.clone());
            }
        }
    }
    comments
});

/// The comment on what is at this path of a file of [`COMMENTED`]: its paragraphs, each in one line. None if there is no comment.
pub fn comment(file: &FileDescriptor, path: &[i32]) -> Vec<String> {
    let text = COMMENTS.get(&(file.name().to_owned(), path.to_vec())).map_or("", String::as_str);
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let paragraphs = lines.split(|line| line.is_empty()).filter(|lines| !lines.is_empty());
    paragraphs.map(|lines| lines.join(" ")).collect()
}

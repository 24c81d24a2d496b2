//! `interactive` about products of a catalog: `product`, `product_list`.

use super::{choices::section_title, filled};
use crate::checked::Node;

/// Source: "Single-product messages".
pub(super) fn product(action: &Node<'_>) {
    filled(action, "catalog_id");
    filled(action, "product_retailer_id");
}

/// Source: "Multi-product messages".
pub(super) fn product_list(action: &Node<'_>) {
    filled(action, "catalog_id");
    let Some(list) = action.need("sections") else {
        return;
    };
    let sections = list.items(1..=10, "sections");
    let mut products = 0;
    for section in &sections {
        section_title(section, sections.len());
        for product in section.need_items("product_items", 1..=30, "products") {
            filled(&product, "product_retailer_id");
            products += 1;
        }
    }
    if products > 30 {
        list.fault("at most 30 products in all sections together");
    }
}

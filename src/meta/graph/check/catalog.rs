//! `interactive` about products of a catalog: `product`, `product_list`.

use super::choices::section_title;
use crate::checked::Node;

/// Source: "Single-product messages".
pub(super) fn product(action: &Node<'_>) {
    action.need("catalog_id").and_then(|id| id.filled_text());
    action
        .need("product_retailer_id")
        .and_then(|id| id.filled_text());
}

/// Source: "Multi-product messages".
pub(super) fn product_list(action: &Node<'_>) {
    action.need("catalog_id").and_then(|id| id.filled_text());
    let Some(list) = action.need("sections") else {
        return;
    };
    let sections = list.items(1..=10, "sections");
    let mut products = 0;
    for section in &sections {
        section_title(section, sections.len());
        for product in section
            .need("product_items")
            .into_iter()
            .flat_map(|items| items.items(1..=30, "products"))
        {
            product
                .need("product_retailer_id")
                .and_then(|id| id.filled_text());
            products += 1;
        }
    }
    if products > 30 {
        list.fault("at most 30 products in all sections together");
    }
}

-- +goose Up
-- The price in the indexes by id, so that a page of a price range, newest first, compares the
-- prices of the products besides it in the index and reads no rows of them. Newest first,
-- because the servers push conditions into forward scans only.
ALTER TABLE product
    DROP KEY product_by_status,
    ADD KEY product_by_status (status, id DESC, price_amount),
    DROP KEY product_by_category,
    ADD KEY product_by_category (status, category, id DESC, price_amount);

-- +goose Down
ALTER TABLE product
    DROP KEY product_by_status,
    ADD KEY product_by_status (status, id),
    DROP KEY product_by_category,
    ADD KEY product_by_category (status, category, id);

-- drizzle-kit 0.31.11 made this of drizzle.ts, for drizzle-orm 0.45.4. Do not edit.
CREATE TABLE `catalog_batch` (
	`id` text PRIMARY KEY NOT NULL,
	`entity_id` text NOT NULL,
	`variant_id` text NOT NULL,
	`unit_id` text NOT NULL,
	`code` text NOT NULL,
	`name` text NOT NULL,
	`start_date` text NOT NULL,
	`end_date` text,
	`schedule_note` text,
	`capacity` integer,
	`status` text DEFAULT 'Draft' NOT NULL,
	`source_id` text,
	`source_key` text,
	`created_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	`updated_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	FOREIGN KEY (`entity_id`) REFERENCES `core_entity`(`id`) ON UPDATE no action ON DELETE restrict,
	FOREIGN KEY (`variant_id`) REFERENCES `catalog_variant`(`id`) ON UPDATE no action ON DELETE restrict,
	FOREIGN KEY (`unit_id`) REFERENCES `core_unit`(`id`) ON UPDATE no action ON DELETE restrict,
	FOREIGN KEY (`source_id`) REFERENCES `core_source`(`id`) ON UPDATE no action ON DELETE restrict
);
--> statement-breakpoint
CREATE INDEX `catalog_batch_entity_id_start_date_idx` ON `catalog_batch` (`entity_id`,`start_date`);--> statement-breakpoint
CREATE INDEX `catalog_batch_unit_id_start_date_idx` ON `catalog_batch` (`unit_id`,`start_date`);--> statement-breakpoint
CREATE INDEX `catalog_batch_variant_id_idx` ON `catalog_batch` (`variant_id`);--> statement-breakpoint
CREATE UNIQUE INDEX `catalog_batch_entity_id_code_unique` ON `catalog_batch` (`entity_id`,`code`);--> statement-breakpoint
CREATE UNIQUE INDEX `catalog_batch_source_id_source_key_unique` ON `catalog_batch` (`source_id`,`source_key`);--> statement-breakpoint
CREATE TABLE `catalog_batch_instructor` (
	`batch_id` text NOT NULL,
	`person_id` text NOT NULL,
	`role` text DEFAULT 'Lead' NOT NULL,
	`created_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	`updated_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	PRIMARY KEY(`batch_id`, `person_id`),
	FOREIGN KEY (`batch_id`) REFERENCES `catalog_batch`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`person_id`) REFERENCES `db_person`(`id`) ON UPDATE no action ON DELETE restrict
);
--> statement-breakpoint
CREATE INDEX `catalog_batch_instructor_person_id_idx` ON `catalog_batch_instructor` (`person_id`);--> statement-breakpoint
CREATE TABLE `catalog_category` (
	`id` text PRIMARY KEY NOT NULL,
	`entity_id` text NOT NULL,
	`parent_id` text,
	`code` text NOT NULL,
	`name` text NOT NULL,
	`sort_order` integer DEFAULT 0 NOT NULL,
	`is_active` integer DEFAULT true NOT NULL,
	`created_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	`updated_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	FOREIGN KEY (`entity_id`) REFERENCES `core_entity`(`id`) ON UPDATE no action ON DELETE restrict,
	FOREIGN KEY (`parent_id`) REFERENCES `catalog_category`(`id`) ON UPDATE no action ON DELETE restrict
);
--> statement-breakpoint
CREATE INDEX `catalog_category_parent_id_idx` ON `catalog_category` (`parent_id`);--> statement-breakpoint
CREATE UNIQUE INDEX `catalog_category_entity_id_code_unique` ON `catalog_category` (`entity_id`,`code`);--> statement-breakpoint
CREATE TABLE `catalog_item` (
	`id` text PRIMARY KEY NOT NULL,
	`entity_id` text NOT NULL,
	`category_id` text NOT NULL,
	`code` text NOT NULL,
	`name` text NOT NULL,
	`type` text NOT NULL,
	`uom` text DEFAULT 'Package' NOT NULL,
	`description` text,
	`is_active` integer DEFAULT true NOT NULL,
	`source_id` text,
	`source_key` text,
	`created_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	`updated_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	FOREIGN KEY (`entity_id`) REFERENCES `core_entity`(`id`) ON UPDATE no action ON DELETE restrict,
	FOREIGN KEY (`category_id`) REFERENCES `catalog_category`(`id`) ON UPDATE no action ON DELETE restrict,
	FOREIGN KEY (`source_id`) REFERENCES `core_source`(`id`) ON UPDATE no action ON DELETE restrict
);
--> statement-breakpoint
CREATE INDEX `catalog_item_category_id_idx` ON `catalog_item` (`category_id`);--> statement-breakpoint
CREATE INDEX `catalog_item_entity_id_type_idx` ON `catalog_item` (`entity_id`,`type`);--> statement-breakpoint
CREATE UNIQUE INDEX `catalog_item_entity_id_code_unique` ON `catalog_item` (`entity_id`,`code`);--> statement-breakpoint
CREATE UNIQUE INDEX `catalog_item_source_id_source_key_unique` ON `catalog_item` (`source_id`,`source_key`);--> statement-breakpoint
CREATE TABLE `catalog_item_component` (
	`item_id` text NOT NULL,
	`component_id` text NOT NULL,
	`quantity` real DEFAULT 1 NOT NULL,
	`is_required` integer DEFAULT true NOT NULL,
	`created_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	`updated_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	PRIMARY KEY(`item_id`, `component_id`),
	FOREIGN KEY (`item_id`) REFERENCES `catalog_item`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`component_id`) REFERENCES `catalog_item`(`id`) ON UPDATE no action ON DELETE restrict
);
--> statement-breakpoint
CREATE INDEX `catalog_item_component_component_id_idx` ON `catalog_item_component` (`component_id`);--> statement-breakpoint
CREATE TABLE `catalog_price` (
	`id` text PRIMARY KEY NOT NULL,
	`item_id` text,
	`variant_id` text,
	`unit_id` text,
	`tier` text DEFAULT 'Regular' NOT NULL,
	`min_quantity` integer DEFAULT 1 NOT NULL,
	`amount` real NOT NULL,
	`valid_from` text NOT NULL,
	`valid_to` text,
	`is_active` integer DEFAULT true NOT NULL,
	`source_id` text,
	`source_key` text,
	`created_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	`updated_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	FOREIGN KEY (`item_id`) REFERENCES `catalog_item`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`variant_id`) REFERENCES `catalog_variant`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`unit_id`) REFERENCES `core_unit`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`source_id`) REFERENCES `core_source`(`id`) ON UPDATE no action ON DELETE restrict
);
--> statement-breakpoint
CREATE INDEX `catalog_price_item_id_valid_from_idx` ON `catalog_price` (`item_id`,`valid_from`);--> statement-breakpoint
CREATE INDEX `catalog_price_unit_id_idx` ON `catalog_price` (`unit_id`);--> statement-breakpoint
CREATE INDEX `catalog_price_variant_id_valid_from_idx` ON `catalog_price` (`variant_id`,`valid_from`);--> statement-breakpoint
CREATE UNIQUE INDEX `catalog_price_source_id_source_key_unique` ON `catalog_price` (`source_id`,`source_key`);--> statement-breakpoint
CREATE TABLE `catalog_variant` (
	`id` text PRIMARY KEY NOT NULL,
	`item_id` text NOT NULL,
	`code` text NOT NULL,
	`name` text NOT NULL,
	`level` text,
	`mode` text,
	`class_format` text,
	`session_count` integer,
	`duration_minutes` integer,
	`is_active` integer DEFAULT true NOT NULL,
	`source_id` text,
	`source_key` text,
	`created_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	`updated_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	FOREIGN KEY (`item_id`) REFERENCES `catalog_item`(`id`) ON UPDATE no action ON DELETE restrict,
	FOREIGN KEY (`source_id`) REFERENCES `core_source`(`id`) ON UPDATE no action ON DELETE restrict
);
--> statement-breakpoint
CREATE UNIQUE INDEX `catalog_variant_item_id_code_unique` ON `catalog_variant` (`item_id`,`code`);--> statement-breakpoint
CREATE UNIQUE INDEX `catalog_variant_source_id_source_key_unique` ON `catalog_variant` (`source_id`,`source_key`);--> statement-breakpoint
CREATE TABLE `commerce_enrollment` (
	`id` text PRIMARY KEY NOT NULL,
	`order_line_id` text NOT NULL,
	`person_id` text NOT NULL,
	`batch_id` text,
	`status` text DEFAULT 'Registered' NOT NULL,
	`enroll_date` text NOT NULL,
	`end_date` text,
	`result` text,
	`score` real,
	`certificate_no` text,
	`source_id` text,
	`source_key` text,
	`created_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	`updated_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	FOREIGN KEY (`order_line_id`) REFERENCES `commerce_order_line`(`id`) ON UPDATE no action ON DELETE restrict,
	FOREIGN KEY (`person_id`) REFERENCES `db_person`(`id`) ON UPDATE no action ON DELETE restrict,
	FOREIGN KEY (`batch_id`) REFERENCES `catalog_batch`(`id`) ON UPDATE no action ON DELETE restrict,
	FOREIGN KEY (`source_id`) REFERENCES `core_source`(`id`) ON UPDATE no action ON DELETE restrict
);
--> statement-breakpoint
CREATE INDEX `commerce_enrollment_certificate_no_idx` ON `commerce_enrollment` (`certificate_no`);--> statement-breakpoint
CREATE INDEX `commerce_enrollment_order_line_id_idx` ON `commerce_enrollment` (`order_line_id`);--> statement-breakpoint
CREATE INDEX `commerce_enrollment_person_id_idx` ON `commerce_enrollment` (`person_id`);--> statement-breakpoint
CREATE INDEX `commerce_enrollment_updated_at_id_idx` ON `commerce_enrollment` (`updated_at`,`id`);--> statement-breakpoint
CREATE UNIQUE INDEX `commerce_enrollment_batch_id_person_id_unique` ON `commerce_enrollment` (`batch_id`,`person_id`);--> statement-breakpoint
CREATE UNIQUE INDEX `commerce_enrollment_source_id_source_key_unique` ON `commerce_enrollment` (`source_id`,`source_key`);--> statement-breakpoint
CREATE TABLE `commerce_order` (
	`id` text PRIMARY KEY NOT NULL,
	`entity_id` text NOT NULL,
	`unit_id` text NOT NULL,
	`number` text NOT NULL,
	`type` text NOT NULL,
	`status` text DEFAULT 'Draft' NOT NULL,
	`order_date` text NOT NULL,
	`customer_id` text,
	`organization_id` text,
	`participant_id` text,
	`sales_person_id` text,
	`channel_id` text,
	`subtotal_amount` real DEFAULT 0 NOT NULL,
	`discount_amount` real DEFAULT 0 NOT NULL,
	`tax_amount` real DEFAULT 0 NOT NULL,
	`total_amount` real DEFAULT 0 NOT NULL,
	`note` text,
	`source_id` text,
	`source_key` text,
	`created_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	`updated_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	FOREIGN KEY (`entity_id`) REFERENCES `core_entity`(`id`) ON UPDATE no action ON DELETE restrict,
	FOREIGN KEY (`unit_id`) REFERENCES `core_unit`(`id`) ON UPDATE no action ON DELETE restrict,
	FOREIGN KEY (`customer_id`) REFERENCES `db_person`(`id`) ON UPDATE no action ON DELETE restrict,
	FOREIGN KEY (`organization_id`) REFERENCES `db_organization`(`id`) ON UPDATE no action ON DELETE restrict,
	FOREIGN KEY (`participant_id`) REFERENCES `db_person`(`id`) ON UPDATE no action ON DELETE restrict,
	FOREIGN KEY (`sales_person_id`) REFERENCES `db_person`(`id`) ON UPDATE no action ON DELETE restrict,
	FOREIGN KEY (`channel_id`) REFERENCES `core_channel`(`id`) ON UPDATE no action ON DELETE restrict,
	FOREIGN KEY (`source_id`) REFERENCES `core_source`(`id`) ON UPDATE no action ON DELETE restrict
);
--> statement-breakpoint
CREATE INDEX `commerce_order_channel_id_idx` ON `commerce_order` (`channel_id`);--> statement-breakpoint
CREATE INDEX `commerce_order_customer_id_idx` ON `commerce_order` (`customer_id`);--> statement-breakpoint
CREATE INDEX `commerce_order_entity_id_order_date_idx` ON `commerce_order` (`entity_id`,`order_date`);--> statement-breakpoint
CREATE INDEX `commerce_order_organization_id_idx` ON `commerce_order` (`organization_id`);--> statement-breakpoint
CREATE INDEX `commerce_order_participant_id_idx` ON `commerce_order` (`participant_id`);--> statement-breakpoint
CREATE INDEX `commerce_order_sales_person_id_order_date_idx` ON `commerce_order` (`sales_person_id`,`order_date`);--> statement-breakpoint
CREATE INDEX `commerce_order_unit_id_order_date_idx` ON `commerce_order` (`unit_id`,`order_date`);--> statement-breakpoint
CREATE INDEX `commerce_order_updated_at_id_idx` ON `commerce_order` (`updated_at`,`id`);--> statement-breakpoint
CREATE UNIQUE INDEX `commerce_order_entity_id_number_unique` ON `commerce_order` (`entity_id`,`number`);--> statement-breakpoint
CREATE UNIQUE INDEX `commerce_order_source_id_source_key_unique` ON `commerce_order` (`source_id`,`source_key`);--> statement-breakpoint
CREATE TABLE `commerce_order_line` (
	`id` text PRIMARY KEY NOT NULL,
	`order_id` text NOT NULL,
	`line_no` integer NOT NULL,
	`item_id` text NOT NULL,
	`variant_id` text,
	`price_id` text,
	`promotion_id` text,
	`description` text,
	`quantity` real DEFAULT 1 NOT NULL,
	`unit_price` real NOT NULL,
	`discount_amount` real DEFAULT 0 NOT NULL,
	`tax_amount` real DEFAULT 0 NOT NULL,
	`total_amount` real NOT NULL,
	`source_id` text,
	`source_key` text,
	`created_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	`updated_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	FOREIGN KEY (`order_id`) REFERENCES `commerce_order`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`item_id`) REFERENCES `catalog_item`(`id`) ON UPDATE no action ON DELETE restrict,
	FOREIGN KEY (`variant_id`) REFERENCES `catalog_variant`(`id`) ON UPDATE no action ON DELETE restrict,
	FOREIGN KEY (`price_id`) REFERENCES `catalog_price`(`id`) ON UPDATE no action ON DELETE set null,
	FOREIGN KEY (`promotion_id`) REFERENCES `commerce_promotion`(`id`) ON UPDATE no action ON DELETE restrict,
	FOREIGN KEY (`source_id`) REFERENCES `core_source`(`id`) ON UPDATE no action ON DELETE restrict
);
--> statement-breakpoint
CREATE INDEX `commerce_order_line_item_id_idx` ON `commerce_order_line` (`item_id`);--> statement-breakpoint
CREATE INDEX `commerce_order_line_price_id_idx` ON `commerce_order_line` (`price_id`);--> statement-breakpoint
CREATE INDEX `commerce_order_line_promotion_id_idx` ON `commerce_order_line` (`promotion_id`);--> statement-breakpoint
CREATE INDEX `commerce_order_line_variant_id_idx` ON `commerce_order_line` (`variant_id`);--> statement-breakpoint
CREATE UNIQUE INDEX `commerce_order_line_order_id_line_no_unique` ON `commerce_order_line` (`order_id`,`line_no`);--> statement-breakpoint
CREATE UNIQUE INDEX `commerce_order_line_source_id_source_key_unique` ON `commerce_order_line` (`source_id`,`source_key`);--> statement-breakpoint
CREATE TABLE `commerce_promotion` (
	`id` text PRIMARY KEY NOT NULL,
	`entity_id` text NOT NULL,
	`code` text NOT NULL,
	`name` text NOT NULL,
	`type` text NOT NULL,
	`value_type` text NOT NULL,
	`value` real NOT NULL,
	`max_discount_amount` real,
	`min_order_amount` real,
	`usage_limit` integer,
	`start_date` text NOT NULL,
	`end_date` text,
	`is_active` integer DEFAULT true NOT NULL,
	`created_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	`updated_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	FOREIGN KEY (`entity_id`) REFERENCES `core_entity`(`id`) ON UPDATE no action ON DELETE restrict
);
--> statement-breakpoint
CREATE INDEX `commerce_promotion_entity_id_start_date_idx` ON `commerce_promotion` (`entity_id`,`start_date`);--> statement-breakpoint
CREATE UNIQUE INDEX `commerce_promotion_entity_id_code_unique` ON `commerce_promotion` (`entity_id`,`code`);--> statement-breakpoint
CREATE TABLE `core_channel` (
	`id` text PRIMARY KEY NOT NULL,
	`code` text NOT NULL,
	`name` text NOT NULL,
	`type` text NOT NULL,
	`is_active` integer DEFAULT true NOT NULL,
	`created_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	`updated_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `core_channel_code_unique` ON `core_channel` (`code`);--> statement-breakpoint
CREATE INDEX `core_channel_type_idx` ON `core_channel` (`type`);--> statement-breakpoint
CREATE TABLE `core_entity` (
	`id` text PRIMARY KEY NOT NULL,
	`parent_id` text,
	`code` text NOT NULL,
	`name` text NOT NULL,
	`legal_name` text,
	`legal_form` text DEFAULT 'PT' NOT NULL,
	`npwp` text,
	`currency_code` text DEFAULT 'IDR' NOT NULL,
	`is_active` integer DEFAULT true NOT NULL,
	`created_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	`updated_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	FOREIGN KEY (`parent_id`) REFERENCES `core_entity`(`id`) ON UPDATE no action ON DELETE restrict
);
--> statement-breakpoint
CREATE UNIQUE INDEX `core_entity_code_unique` ON `core_entity` (`code`);--> statement-breakpoint
CREATE INDEX `core_entity_parent_id_idx` ON `core_entity` (`parent_id`);--> statement-breakpoint
CREATE TABLE `core_period` (
	`id` text PRIMARY KEY NOT NULL,
	`parent_id` text,
	`code` text NOT NULL,
	`type` text NOT NULL,
	`start_date` text NOT NULL,
	`end_date` text NOT NULL,
	`created_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	`updated_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	FOREIGN KEY (`parent_id`) REFERENCES `core_period`(`id`) ON UPDATE no action ON DELETE restrict
);
--> statement-breakpoint
CREATE UNIQUE INDEX `core_period_code_unique` ON `core_period` (`code`);--> statement-breakpoint
CREATE INDEX `core_period_parent_id_idx` ON `core_period` (`parent_id`);--> statement-breakpoint
CREATE UNIQUE INDEX `core_period_type_start_date_unique` ON `core_period` (`type`,`start_date`);--> statement-breakpoint
CREATE TABLE `core_region` (
	`id` text PRIMARY KEY NOT NULL,
	`parent_id` text,
	`code` text NOT NULL,
	`name` text NOT NULL,
	`type` text NOT NULL,
	`is_active` integer DEFAULT true NOT NULL,
	`created_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	`updated_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	FOREIGN KEY (`parent_id`) REFERENCES `core_region`(`id`) ON UPDATE no action ON DELETE restrict
);
--> statement-breakpoint
CREATE UNIQUE INDEX `core_region_code_unique` ON `core_region` (`code`);--> statement-breakpoint
CREATE INDEX `core_region_parent_id_idx` ON `core_region` (`parent_id`);--> statement-breakpoint
CREATE INDEX `core_region_type_name_idx` ON `core_region` (`type`,`name`);--> statement-breakpoint
CREATE TABLE `core_source` (
	`id` text PRIMARY KEY NOT NULL,
	`entity_id` text,
	`code` text NOT NULL,
	`name` text NOT NULL,
	`type` text NOT NULL,
	`locator` text,
	`sync_cursor` text,
	`last_sync_date` text,
	`is_active` integer DEFAULT true NOT NULL,
	`created_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	`updated_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	FOREIGN KEY (`entity_id`) REFERENCES `core_entity`(`id`) ON UPDATE no action ON DELETE restrict
);
--> statement-breakpoint
CREATE UNIQUE INDEX `core_source_code_unique` ON `core_source` (`code`);--> statement-breakpoint
CREATE INDEX `core_source_entity_id_idx` ON `core_source` (`entity_id`);--> statement-breakpoint
CREATE TABLE `core_unit` (
	`id` text PRIMARY KEY NOT NULL,
	`entity_id` text NOT NULL,
	`parent_id` text,
	`region_id` text,
	`code` text NOT NULL,
	`name` text NOT NULL,
	`type` text DEFAULT 'Branch' NOT NULL,
	`nitku` text,
	`timezone` text DEFAULT 'Asia/Jakarta' NOT NULL,
	`address` text,
	`phone` text,
	`open_date` text,
	`close_date` text,
	`is_active` integer DEFAULT true NOT NULL,
	`created_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	`updated_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	FOREIGN KEY (`entity_id`) REFERENCES `core_entity`(`id`) ON UPDATE no action ON DELETE restrict,
	FOREIGN KEY (`parent_id`) REFERENCES `core_unit`(`id`) ON UPDATE no action ON DELETE restrict,
	FOREIGN KEY (`region_id`) REFERENCES `core_region`(`id`) ON UPDATE no action ON DELETE set null
);
--> statement-breakpoint
CREATE INDEX `core_unit_parent_id_idx` ON `core_unit` (`parent_id`);--> statement-breakpoint
CREATE INDEX `core_unit_region_id_idx` ON `core_unit` (`region_id`);--> statement-breakpoint
CREATE UNIQUE INDEX `core_unit_entity_id_code_unique` ON `core_unit` (`entity_id`,`code`);--> statement-breakpoint
CREATE TABLE `db_contact` (
	`id` text PRIMARY KEY NOT NULL,
	`person_id` text NOT NULL,
	`type` text DEFAULT 'WhatsApp' NOT NULL,
	`value` text NOT NULL,
	`is_primary` integer DEFAULT false NOT NULL,
	`is_verified` integer DEFAULT false NOT NULL,
	`is_opt_out` integer DEFAULT false NOT NULL,
	`created_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	`updated_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	FOREIGN KEY (`person_id`) REFERENCES `db_person`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `db_contact_type_value_idx` ON `db_contact` (`type`,`value`);--> statement-breakpoint
CREATE UNIQUE INDEX `db_contact_person_id_type_value_unique` ON `db_contact` (`person_id`,`type`,`value`);--> statement-breakpoint
CREATE TABLE `db_identifier` (
	`id` text PRIMARY KEY NOT NULL,
	`person_id` text NOT NULL,
	`source_id` text,
	`type` text NOT NULL,
	`issuer` text DEFAULT 'ID' NOT NULL,
	`value` text NOT NULL,
	`valid_to` text,
	`created_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	`updated_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	FOREIGN KEY (`person_id`) REFERENCES `db_person`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`source_id`) REFERENCES `core_source`(`id`) ON UPDATE no action ON DELETE restrict
);
--> statement-breakpoint
CREATE INDEX `db_identifier_person_id_idx` ON `db_identifier` (`person_id`);--> statement-breakpoint
CREATE UNIQUE INDEX `db_identifier_source_id_value_unique` ON `db_identifier` (`source_id`,`value`);--> statement-breakpoint
CREATE UNIQUE INDEX `db_identifier_type_issuer_value_unique` ON `db_identifier` (`type`,`issuer`,`value`);--> statement-breakpoint
CREATE TABLE `db_organization` (
	`id` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`type` text NOT NULL,
	`npwp` text,
	`phone` text,
	`email` text,
	`website` text,
	`address` text,
	`region_id` text,
	`postal_code` text,
	`is_active` integer DEFAULT true NOT NULL,
	`source_id` text,
	`source_key` text,
	`created_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	`updated_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	FOREIGN KEY (`region_id`) REFERENCES `core_region`(`id`) ON UPDATE no action ON DELETE set null,
	FOREIGN KEY (`source_id`) REFERENCES `core_source`(`id`) ON UPDATE no action ON DELETE restrict
);
--> statement-breakpoint
CREATE INDEX `db_organization_npwp_idx` ON `db_organization` (`npwp`);--> statement-breakpoint
CREATE INDEX `db_organization_region_id_idx` ON `db_organization` (`region_id`);--> statement-breakpoint
CREATE INDEX `db_organization_type_name_idx` ON `db_organization` (`type`,`name`);--> statement-breakpoint
CREATE UNIQUE INDEX `db_organization_source_id_source_key_unique` ON `db_organization` (`source_id`,`source_key`);--> statement-breakpoint
CREATE TABLE `db_person` (
	`id` text PRIMARY KEY NOT NULL,
	`full_name` text NOT NULL,
	`nickname` text,
	`gender` text,
	`birth_date` text,
	`birth_place` text,
	`nationality_code` text DEFAULT 'ID' NOT NULL,
	`education_level` text,
	`address` text,
	`region_id` text,
	`postal_code` text,
	`merged_into_id` text,
	`note` text,
	`is_active` integer DEFAULT true NOT NULL,
	`created_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	`updated_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	FOREIGN KEY (`region_id`) REFERENCES `core_region`(`id`) ON UPDATE no action ON DELETE set null,
	FOREIGN KEY (`merged_into_id`) REFERENCES `db_person`(`id`) ON UPDATE no action ON DELETE restrict
);
--> statement-breakpoint
CREATE INDEX `db_person_birth_date_idx` ON `db_person` (`birth_date`);--> statement-breakpoint
CREATE INDEX `db_person_full_name_idx` ON `db_person` (`full_name`);--> statement-breakpoint
CREATE INDEX `db_person_merged_into_id_idx` ON `db_person` (`merged_into_id`);--> statement-breakpoint
CREATE INDEX `db_person_region_id_idx` ON `db_person` (`region_id`);--> statement-breakpoint
CREATE INDEX `db_person_updated_at_id_idx` ON `db_person` (`updated_at`,`id`);--> statement-breakpoint
CREATE TABLE `db_person_organization` (
	`person_id` text NOT NULL,
	`organization_id` text NOT NULL,
	`role` text DEFAULT 'Contact' NOT NULL,
	`job_title` text,
	`start_date` text,
	`end_date` text,
	`is_primary` integer DEFAULT false NOT NULL,
	`created_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	`updated_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	PRIMARY KEY(`person_id`, `organization_id`),
	FOREIGN KEY (`person_id`) REFERENCES `db_person`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`organization_id`) REFERENCES `db_organization`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `db_person_organization_organization_id_role_idx` ON `db_person_organization` (`organization_id`,`role`);--> statement-breakpoint
CREATE TABLE `db_person_tag` (
	`person_id` text NOT NULL,
	`tag_id` text NOT NULL,
	`created_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	`updated_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	PRIMARY KEY(`person_id`, `tag_id`),
	FOREIGN KEY (`person_id`) REFERENCES `db_person`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`tag_id`) REFERENCES `db_tag`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `db_person_tag_tag_id_idx` ON `db_person_tag` (`tag_id`);--> statement-breakpoint
CREATE TABLE `db_person_unit` (
	`person_id` text NOT NULL,
	`unit_id` text NOT NULL,
	`role` text NOT NULL,
	`start_date` text,
	`end_date` text,
	`created_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	`updated_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	PRIMARY KEY(`person_id`, `unit_id`),
	FOREIGN KEY (`person_id`) REFERENCES `db_person`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`unit_id`) REFERENCES `core_unit`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `db_person_unit_unit_id_role_idx` ON `db_person_unit` (`unit_id`,`role`);--> statement-breakpoint
CREATE TABLE `db_relation` (
	`id` text PRIMARY KEY NOT NULL,
	`from_person_id` text NOT NULL,
	`to_person_id` text NOT NULL,
	`type` text NOT NULL,
	`note` text,
	`created_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	`updated_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	FOREIGN KEY (`from_person_id`) REFERENCES `db_person`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`to_person_id`) REFERENCES `db_person`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `db_relation_to_person_id_type_idx` ON `db_relation` (`to_person_id`,`type`);--> statement-breakpoint
CREATE UNIQUE INDEX `db_relation_from_person_id_to_person_id_type_unique` ON `db_relation` (`from_person_id`,`to_person_id`,`type`);--> statement-breakpoint
CREATE TABLE `db_tag` (
	`id` text PRIMARY KEY NOT NULL,
	`code` text NOT NULL,
	`name` text NOT NULL,
	`type` text DEFAULT 'Segment' NOT NULL,
	`is_active` integer DEFAULT true NOT NULL,
	`created_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	`updated_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `db_tag_code_unique` ON `db_tag` (`code`);--> statement-breakpoint
CREATE TABLE `finance_account` (
	`id` text PRIMARY KEY NOT NULL,
	`entity_id` text NOT NULL,
	`parent_id` text,
	`code` text NOT NULL,
	`name` text NOT NULL,
	`type` text NOT NULL,
	`is_group` integer DEFAULT false NOT NULL,
	`is_cash` integer DEFAULT false NOT NULL,
	`is_active` integer DEFAULT true NOT NULL,
	`created_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	`updated_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	FOREIGN KEY (`entity_id`) REFERENCES `core_entity`(`id`) ON UPDATE no action ON DELETE restrict,
	FOREIGN KEY (`parent_id`) REFERENCES `finance_account`(`id`) ON UPDATE no action ON DELETE restrict
);
--> statement-breakpoint
CREATE INDEX `finance_account_entity_id_type_idx` ON `finance_account` (`entity_id`,`type`);--> statement-breakpoint
CREATE INDEX `finance_account_parent_id_idx` ON `finance_account` (`parent_id`);--> statement-breakpoint
CREATE UNIQUE INDEX `finance_account_entity_id_code_unique` ON `finance_account` (`entity_id`,`code`);--> statement-breakpoint
CREATE TABLE `finance_invoice` (
	`id` text PRIMARY KEY NOT NULL,
	`entity_id` text NOT NULL,
	`order_id` text NOT NULL,
	`number` text NOT NULL,
	`installment_no` integer DEFAULT 1 NOT NULL,
	`issue_date` text NOT NULL,
	`due_date` text NOT NULL,
	`status` text DEFAULT 'Draft' NOT NULL,
	`tax_number` text,
	`tax_amount` real DEFAULT 0 NOT NULL,
	`total_amount` real DEFAULT 0 NOT NULL,
	`source_id` text,
	`source_key` text,
	`created_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	`updated_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	FOREIGN KEY (`entity_id`) REFERENCES `core_entity`(`id`) ON UPDATE no action ON DELETE restrict,
	FOREIGN KEY (`order_id`) REFERENCES `commerce_order`(`id`) ON UPDATE no action ON DELETE restrict,
	FOREIGN KEY (`source_id`) REFERENCES `core_source`(`id`) ON UPDATE no action ON DELETE restrict
);
--> statement-breakpoint
CREATE INDEX `finance_invoice_entity_id_issue_date_idx` ON `finance_invoice` (`entity_id`,`issue_date`);--> statement-breakpoint
CREATE INDEX `finance_invoice_entity_id_status_due_date_idx` ON `finance_invoice` (`entity_id`,`status`,`due_date`);--> statement-breakpoint
CREATE INDEX `finance_invoice_order_id_idx` ON `finance_invoice` (`order_id`);--> statement-breakpoint
CREATE INDEX `finance_invoice_updated_at_id_idx` ON `finance_invoice` (`updated_at`,`id`);--> statement-breakpoint
CREATE UNIQUE INDEX `finance_invoice_entity_id_number_unique` ON `finance_invoice` (`entity_id`,`number`);--> statement-breakpoint
CREATE UNIQUE INDEX `finance_invoice_source_id_source_key_unique` ON `finance_invoice` (`source_id`,`source_key`);--> statement-breakpoint
CREATE TABLE `finance_invoice_line` (
	`id` text PRIMARY KEY NOT NULL,
	`invoice_id` text NOT NULL,
	`line_no` integer NOT NULL,
	`order_line_id` text,
	`account_id` text,
	`description` text,
	`amount` real NOT NULL,
	`tax_amount` real DEFAULT 0 NOT NULL,
	`created_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	`updated_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	FOREIGN KEY (`invoice_id`) REFERENCES `finance_invoice`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`order_line_id`) REFERENCES `commerce_order_line`(`id`) ON UPDATE no action ON DELETE restrict,
	FOREIGN KEY (`account_id`) REFERENCES `finance_account`(`id`) ON UPDATE no action ON DELETE restrict
);
--> statement-breakpoint
CREATE INDEX `finance_invoice_line_account_id_idx` ON `finance_invoice_line` (`account_id`);--> statement-breakpoint
CREATE INDEX `finance_invoice_line_order_line_id_idx` ON `finance_invoice_line` (`order_line_id`);--> statement-breakpoint
CREATE UNIQUE INDEX `finance_invoice_line_invoice_id_line_no_unique` ON `finance_invoice_line` (`invoice_id`,`line_no`);--> statement-breakpoint
CREATE TABLE `finance_payment` (
	`id` text PRIMARY KEY NOT NULL,
	`entity_id` text NOT NULL,
	`unit_id` text,
	`account_id` text,
	`person_id` text,
	`organization_id` text,
	`number` text NOT NULL,
	`direction` text DEFAULT 'In' NOT NULL,
	`method` text NOT NULL,
	`status` text DEFAULT 'Settled' NOT NULL,
	`payment_date` text NOT NULL,
	`amount` real NOT NULL,
	`fee_amount` real DEFAULT 0 NOT NULL,
	`reference` text,
	`source_id` text,
	`source_key` text,
	`created_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	`updated_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	FOREIGN KEY (`entity_id`) REFERENCES `core_entity`(`id`) ON UPDATE no action ON DELETE restrict,
	FOREIGN KEY (`unit_id`) REFERENCES `core_unit`(`id`) ON UPDATE no action ON DELETE restrict,
	FOREIGN KEY (`account_id`) REFERENCES `finance_account`(`id`) ON UPDATE no action ON DELETE restrict,
	FOREIGN KEY (`person_id`) REFERENCES `db_person`(`id`) ON UPDATE no action ON DELETE restrict,
	FOREIGN KEY (`organization_id`) REFERENCES `db_organization`(`id`) ON UPDATE no action ON DELETE restrict,
	FOREIGN KEY (`source_id`) REFERENCES `core_source`(`id`) ON UPDATE no action ON DELETE restrict
);
--> statement-breakpoint
CREATE INDEX `finance_payment_account_id_idx` ON `finance_payment` (`account_id`);--> statement-breakpoint
CREATE INDEX `finance_payment_entity_id_payment_date_idx` ON `finance_payment` (`entity_id`,`payment_date`);--> statement-breakpoint
CREATE INDEX `finance_payment_organization_id_idx` ON `finance_payment` (`organization_id`);--> statement-breakpoint
CREATE INDEX `finance_payment_person_id_idx` ON `finance_payment` (`person_id`);--> statement-breakpoint
CREATE INDEX `finance_payment_reference_idx` ON `finance_payment` (`reference`);--> statement-breakpoint
CREATE INDEX `finance_payment_unit_id_payment_date_idx` ON `finance_payment` (`unit_id`,`payment_date`);--> statement-breakpoint
CREATE INDEX `finance_payment_updated_at_id_idx` ON `finance_payment` (`updated_at`,`id`);--> statement-breakpoint
CREATE UNIQUE INDEX `finance_payment_entity_id_number_unique` ON `finance_payment` (`entity_id`,`number`);--> statement-breakpoint
CREATE UNIQUE INDEX `finance_payment_source_id_source_key_unique` ON `finance_payment` (`source_id`,`source_key`);--> statement-breakpoint
CREATE TABLE `finance_payment_allocation` (
	`payment_id` text NOT NULL,
	`invoice_id` text NOT NULL,
	`amount` real NOT NULL,
	`created_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	`updated_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	PRIMARY KEY(`payment_id`, `invoice_id`),
	FOREIGN KEY (`payment_id`) REFERENCES `finance_payment`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`invoice_id`) REFERENCES `finance_invoice`(`id`) ON UPDATE no action ON DELETE restrict
);
--> statement-breakpoint
CREATE INDEX `finance_payment_allocation_invoice_id_idx` ON `finance_payment_allocation` (`invoice_id`);--> statement-breakpoint
CREATE TABLE `finance_revenue` (
	`id` text PRIMARY KEY NOT NULL,
	`entity_id` text NOT NULL,
	`unit_id` text NOT NULL,
	`order_line_id` text,
	`account_id` text,
	`revenue_date` text NOT NULL,
	`amount` real NOT NULL,
	`basis` text DEFAULT 'Delivery' NOT NULL,
	`description` text,
	`source_id` text,
	`source_key` text,
	`created_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	`updated_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	FOREIGN KEY (`entity_id`) REFERENCES `core_entity`(`id`) ON UPDATE no action ON DELETE restrict,
	FOREIGN KEY (`unit_id`) REFERENCES `core_unit`(`id`) ON UPDATE no action ON DELETE restrict,
	FOREIGN KEY (`order_line_id`) REFERENCES `commerce_order_line`(`id`) ON UPDATE no action ON DELETE restrict,
	FOREIGN KEY (`account_id`) REFERENCES `finance_account`(`id`) ON UPDATE no action ON DELETE restrict,
	FOREIGN KEY (`source_id`) REFERENCES `core_source`(`id`) ON UPDATE no action ON DELETE restrict
);
--> statement-breakpoint
CREATE INDEX `finance_revenue_account_id_idx` ON `finance_revenue` (`account_id`);--> statement-breakpoint
CREATE INDEX `finance_revenue_entity_id_revenue_date_idx` ON `finance_revenue` (`entity_id`,`revenue_date`);--> statement-breakpoint
CREATE INDEX `finance_revenue_unit_id_revenue_date_idx` ON `finance_revenue` (`unit_id`,`revenue_date`);--> statement-breakpoint
CREATE INDEX `finance_revenue_updated_at_id_idx` ON `finance_revenue` (`updated_at`,`id`);--> statement-breakpoint
CREATE UNIQUE INDEX `finance_revenue_order_line_id_revenue_date_unique` ON `finance_revenue` (`order_line_id`,`revenue_date`);--> statement-breakpoint
CREATE UNIQUE INDEX `finance_revenue_source_id_source_key_unique` ON `finance_revenue` (`source_id`,`source_key`);--> statement-breakpoint
CREATE TABLE `marketing_agenda` (
	`id` text PRIMARY KEY NOT NULL,
	`entity_id` text NOT NULL,
	`unit_id` text,
	`campaign_id` text,
	`channel_id` text,
	`pic_id` text,
	`organization_id` text,
	`region_id` text,
	`name` text NOT NULL,
	`type` text NOT NULL,
	`status` text DEFAULT 'Planned' NOT NULL,
	`start_date` text NOT NULL,
	`end_date` text NOT NULL,
	`start_time` text,
	`end_time` text,
	`location` text,
	`target_lead_count` integer,
	`budget_amount` real DEFAULT 0 NOT NULL,
	`actual_amount` real,
	`result_note` text,
	`source_id` text,
	`source_key` text,
	`created_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	`updated_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	FOREIGN KEY (`entity_id`) REFERENCES `core_entity`(`id`) ON UPDATE no action ON DELETE restrict,
	FOREIGN KEY (`unit_id`) REFERENCES `core_unit`(`id`) ON UPDATE no action ON DELETE restrict,
	FOREIGN KEY (`campaign_id`) REFERENCES `marketing_campaign`(`id`) ON UPDATE no action ON DELETE set null,
	FOREIGN KEY (`channel_id`) REFERENCES `core_channel`(`id`) ON UPDATE no action ON DELETE restrict,
	FOREIGN KEY (`pic_id`) REFERENCES `db_person`(`id`) ON UPDATE no action ON DELETE set null,
	FOREIGN KEY (`organization_id`) REFERENCES `db_organization`(`id`) ON UPDATE no action ON DELETE set null,
	FOREIGN KEY (`region_id`) REFERENCES `core_region`(`id`) ON UPDATE no action ON DELETE set null,
	FOREIGN KEY (`source_id`) REFERENCES `core_source`(`id`) ON UPDATE no action ON DELETE restrict
);
--> statement-breakpoint
CREATE INDEX `marketing_agenda_campaign_id_idx` ON `marketing_agenda` (`campaign_id`);--> statement-breakpoint
CREATE INDEX `marketing_agenda_channel_id_idx` ON `marketing_agenda` (`channel_id`);--> statement-breakpoint
CREATE INDEX `marketing_agenda_entity_id_start_date_idx` ON `marketing_agenda` (`entity_id`,`start_date`);--> statement-breakpoint
CREATE INDEX `marketing_agenda_organization_id_idx` ON `marketing_agenda` (`organization_id`);--> statement-breakpoint
CREATE INDEX `marketing_agenda_pic_id_idx` ON `marketing_agenda` (`pic_id`);--> statement-breakpoint
CREATE INDEX `marketing_agenda_region_id_idx` ON `marketing_agenda` (`region_id`);--> statement-breakpoint
CREATE INDEX `marketing_agenda_unit_id_start_date_idx` ON `marketing_agenda` (`unit_id`,`start_date`);--> statement-breakpoint
CREATE INDEX `marketing_agenda_updated_at_id_idx` ON `marketing_agenda` (`updated_at`,`id`);--> statement-breakpoint
CREATE UNIQUE INDEX `marketing_agenda_source_id_source_key_unique` ON `marketing_agenda` (`source_id`,`source_key`);--> statement-breakpoint
CREATE TABLE `marketing_campaign` (
	`id` text PRIMARY KEY NOT NULL,
	`entity_id` text NOT NULL,
	`unit_id` text,
	`owner_id` text,
	`code` text NOT NULL,
	`name` text NOT NULL,
	`objective` text NOT NULL,
	`status` text DEFAULT 'Planned' NOT NULL,
	`start_date` text NOT NULL,
	`end_date` text,
	`budget_amount` real DEFAULT 0 NOT NULL,
	`source_id` text,
	`source_key` text,
	`created_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	`updated_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	FOREIGN KEY (`entity_id`) REFERENCES `core_entity`(`id`) ON UPDATE no action ON DELETE restrict,
	FOREIGN KEY (`unit_id`) REFERENCES `core_unit`(`id`) ON UPDATE no action ON DELETE restrict,
	FOREIGN KEY (`owner_id`) REFERENCES `db_person`(`id`) ON UPDATE no action ON DELETE set null,
	FOREIGN KEY (`source_id`) REFERENCES `core_source`(`id`) ON UPDATE no action ON DELETE restrict
);
--> statement-breakpoint
CREATE INDEX `marketing_campaign_entity_id_start_date_idx` ON `marketing_campaign` (`entity_id`,`start_date`);--> statement-breakpoint
CREATE INDEX `marketing_campaign_owner_id_idx` ON `marketing_campaign` (`owner_id`);--> statement-breakpoint
CREATE INDEX `marketing_campaign_unit_id_idx` ON `marketing_campaign` (`unit_id`);--> statement-breakpoint
CREATE UNIQUE INDEX `marketing_campaign_entity_id_code_unique` ON `marketing_campaign` (`entity_id`,`code`);--> statement-breakpoint
CREATE UNIQUE INDEX `marketing_campaign_source_id_source_key_unique` ON `marketing_campaign` (`source_id`,`source_key`);--> statement-breakpoint
CREATE TABLE `marketing_campaign_channel` (
	`campaign_id` text NOT NULL,
	`channel_id` text NOT NULL,
	`budget_amount` real DEFAULT 0 NOT NULL,
	`spend_amount` real DEFAULT 0 NOT NULL,
	`created_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	`updated_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	PRIMARY KEY(`campaign_id`, `channel_id`),
	FOREIGN KEY (`campaign_id`) REFERENCES `marketing_campaign`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`channel_id`) REFERENCES `core_channel`(`id`) ON UPDATE no action ON DELETE restrict
);
--> statement-breakpoint
CREATE INDEX `marketing_campaign_channel_channel_id_idx` ON `marketing_campaign_channel` (`channel_id`);--> statement-breakpoint
CREATE TABLE `marketing_lead` (
	`id` text PRIMARY KEY NOT NULL,
	`entity_id` text NOT NULL,
	`unit_id` text,
	`person_id` text NOT NULL,
	`campaign_id` text,
	`agenda_id` text,
	`channel_id` text,
	`item_id` text,
	`owner_id` text,
	`order_id` text,
	`status` text DEFAULT 'New' NOT NULL,
	`lost_reason` text,
	`lead_date` text NOT NULL,
	`closed_date` text,
	`note` text,
	`source_id` text,
	`source_key` text,
	`created_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	`updated_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	FOREIGN KEY (`entity_id`) REFERENCES `core_entity`(`id`) ON UPDATE no action ON DELETE restrict,
	FOREIGN KEY (`unit_id`) REFERENCES `core_unit`(`id`) ON UPDATE no action ON DELETE restrict,
	FOREIGN KEY (`person_id`) REFERENCES `db_person`(`id`) ON UPDATE no action ON DELETE restrict,
	FOREIGN KEY (`campaign_id`) REFERENCES `marketing_campaign`(`id`) ON UPDATE no action ON DELETE set null,
	FOREIGN KEY (`agenda_id`) REFERENCES `marketing_agenda`(`id`) ON UPDATE no action ON DELETE set null,
	FOREIGN KEY (`channel_id`) REFERENCES `core_channel`(`id`) ON UPDATE no action ON DELETE restrict,
	FOREIGN KEY (`item_id`) REFERENCES `catalog_item`(`id`) ON UPDATE no action ON DELETE set null,
	FOREIGN KEY (`owner_id`) REFERENCES `db_person`(`id`) ON UPDATE no action ON DELETE set null,
	FOREIGN KEY (`order_id`) REFERENCES `commerce_order`(`id`) ON UPDATE no action ON DELETE set null,
	FOREIGN KEY (`source_id`) REFERENCES `core_source`(`id`) ON UPDATE no action ON DELETE restrict
);
--> statement-breakpoint
CREATE UNIQUE INDEX `marketing_lead_order_id_unique` ON `marketing_lead` (`order_id`);--> statement-breakpoint
CREATE INDEX `marketing_lead_agenda_id_idx` ON `marketing_lead` (`agenda_id`);--> statement-breakpoint
CREATE INDEX `marketing_lead_campaign_id_idx` ON `marketing_lead` (`campaign_id`);--> statement-breakpoint
CREATE INDEX `marketing_lead_channel_id_idx` ON `marketing_lead` (`channel_id`);--> statement-breakpoint
CREATE INDEX `marketing_lead_entity_id_lead_date_idx` ON `marketing_lead` (`entity_id`,`lead_date`);--> statement-breakpoint
CREATE INDEX `marketing_lead_item_id_idx` ON `marketing_lead` (`item_id`);--> statement-breakpoint
CREATE INDEX `marketing_lead_owner_id_status_idx` ON `marketing_lead` (`owner_id`,`status`);--> statement-breakpoint
CREATE INDEX `marketing_lead_person_id_idx` ON `marketing_lead` (`person_id`);--> statement-breakpoint
CREATE INDEX `marketing_lead_unit_id_lead_date_idx` ON `marketing_lead` (`unit_id`,`lead_date`);--> statement-breakpoint
CREATE INDEX `marketing_lead_updated_at_id_idx` ON `marketing_lead` (`updated_at`,`id`);--> statement-breakpoint
CREATE UNIQUE INDEX `marketing_lead_source_id_source_key_unique` ON `marketing_lead` (`source_id`,`source_key`);--> statement-breakpoint
CREATE TABLE `target_line` (
	`id` text PRIMARY KEY NOT NULL,
	`plan_id` text NOT NULL,
	`period_id` text NOT NULL,
	`metric` text NOT NULL,
	`unit_id` text,
	`category_id` text,
	`sales_person_id` text,
	`value` real NOT NULL,
	`source_id` text,
	`source_key` text,
	`created_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	`updated_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	FOREIGN KEY (`plan_id`) REFERENCES `target_plan`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`period_id`) REFERENCES `core_period`(`id`) ON UPDATE no action ON DELETE restrict,
	FOREIGN KEY (`unit_id`) REFERENCES `core_unit`(`id`) ON UPDATE no action ON DELETE restrict,
	FOREIGN KEY (`category_id`) REFERENCES `catalog_category`(`id`) ON UPDATE no action ON DELETE restrict,
	FOREIGN KEY (`sales_person_id`) REFERENCES `db_person`(`id`) ON UPDATE no action ON DELETE restrict,
	FOREIGN KEY (`source_id`) REFERENCES `core_source`(`id`) ON UPDATE no action ON DELETE restrict
);
--> statement-breakpoint
CREATE INDEX `target_line_category_id_idx` ON `target_line` (`category_id`);--> statement-breakpoint
CREATE INDEX `target_line_period_id_metric_idx` ON `target_line` (`period_id`,`metric`);--> statement-breakpoint
CREATE INDEX `target_line_plan_id_metric_period_id_idx` ON `target_line` (`plan_id`,`metric`,`period_id`);--> statement-breakpoint
CREATE INDEX `target_line_sales_person_id_idx` ON `target_line` (`sales_person_id`);--> statement-breakpoint
CREATE INDEX `target_line_unit_id_idx` ON `target_line` (`unit_id`);--> statement-breakpoint
CREATE UNIQUE INDEX `target_line_source_id_source_key_unique` ON `target_line` (`source_id`,`source_key`);--> statement-breakpoint
CREATE TABLE `target_plan` (
	`id` text PRIMARY KEY NOT NULL,
	`entity_id` text NOT NULL,
	`period_id` text NOT NULL,
	`version` integer DEFAULT 1 NOT NULL,
	`name` text NOT NULL,
	`status` text DEFAULT 'Draft' NOT NULL,
	`approved_date` text,
	`created_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	`updated_at` text DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) NOT NULL,
	FOREIGN KEY (`entity_id`) REFERENCES `core_entity`(`id`) ON UPDATE no action ON DELETE restrict,
	FOREIGN KEY (`period_id`) REFERENCES `core_period`(`id`) ON UPDATE no action ON DELETE restrict
);
--> statement-breakpoint
CREATE INDEX `target_plan_period_id_idx` ON `target_plan` (`period_id`);--> statement-breakpoint
CREATE UNIQUE INDEX `target_plan_entity_id_period_id_version_unique` ON `target_plan` (`entity_id`,`period_id`,`version`);

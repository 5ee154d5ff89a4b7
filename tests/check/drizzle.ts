// The 38 tables of docs/model.md as somebody writes them with Drizzle ORM 0.45.4, for
// tests/check/drizzle.sql, which drizzle-kit 0.31.11 made of this file:
//
//   npm install drizzle-orm@0.45.4 drizzle-kit@0.31.11
//   npx drizzle-kit generate --dialect sqlite --schema drizzle.ts
import { sql } from "drizzle-orm";
import {
  type AnySQLiteColumn,
  index,
  integer,
  primaryKey,
  real,
  sqliteTable,
  text,
  unique,
} from "drizzle-orm/sqlite-core";

const now = sql`(strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))`;

export const coreEntity = sqliteTable(
  "core_entity",
  {
    id: text("id").primaryKey(),
    parentId: text("parent_id").references((): AnySQLiteColumn => coreEntity.id, { onDelete: "restrict" }),
    code: text("code").notNull().unique(),
    name: text("name").notNull(),
    legalName: text("legal_name"),
    legalForm: text("legal_form", { enum: ["PT", "CV", "Yayasan", "Koperasi", "Perorangan", "Other"] }).notNull().default("PT"),
    npwp: text("npwp"),
    currencyCode: text("currency_code").notNull().default("IDR"),
    isActive: integer("is_active", { mode: "boolean" }).notNull().default(true),
    createdAt: text("created_at").notNull().default(now),
    updatedAt: text("updated_at").notNull().default(now),
  },
  (t) => [
    index("core_entity_parent_id_idx").on(t.parentId),
  ],
);

export const coreRegion = sqliteTable(
  "core_region",
  {
    id: text("id").primaryKey(),
    parentId: text("parent_id").references((): AnySQLiteColumn => coreRegion.id, { onDelete: "restrict" }),
    code: text("code").notNull().unique(),
    name: text("name").notNull(),
    type: text("type", { enum: ["Province", "City", "Regency", "District", "Village"] }).notNull(),
    isActive: integer("is_active", { mode: "boolean" }).notNull().default(true),
    createdAt: text("created_at").notNull().default(now),
    updatedAt: text("updated_at").notNull().default(now),
  },
  (t) => [
    index("core_region_parent_id_idx").on(t.parentId),
    index("core_region_type_name_idx").on(t.type, t.name),
  ],
);

export const coreUnit = sqliteTable(
  "core_unit",
  {
    id: text("id").primaryKey(),
    entityId: text("entity_id").notNull().references(() => coreEntity.id, { onDelete: "restrict" }),
    parentId: text("parent_id").references((): AnySQLiteColumn => coreUnit.id, { onDelete: "restrict" }),
    regionId: text("region_id").references(() => coreRegion.id, { onDelete: "set null" }),
    code: text("code").notNull(),
    name: text("name").notNull(),
    type: text("type", { enum: ["HeadOffice", "Branch", "Department", "ExamCenter", "Online"] }).notNull().default("Branch"),
    nitku: text("nitku"),
    timezone: text("timezone").notNull().default("Asia/Jakarta"),
    address: text("address"),
    phone: text("phone"),
    openDate: text("open_date"),
    closeDate: text("close_date"),
    isActive: integer("is_active", { mode: "boolean" }).notNull().default(true),
    createdAt: text("created_at").notNull().default(now),
    updatedAt: text("updated_at").notNull().default(now),
  },
  (t) => [
    unique().on(t.entityId, t.code),
    index("core_unit_parent_id_idx").on(t.parentId),
    index("core_unit_region_id_idx").on(t.regionId),
  ],
);

export const corePeriod = sqliteTable(
  "core_period",
  {
    id: text("id").primaryKey(),
    parentId: text("parent_id").references((): AnySQLiteColumn => corePeriod.id, { onDelete: "restrict" }),
    code: text("code").notNull().unique(),
    type: text("type", { enum: ["Year", "Quarter", "Month"] }).notNull(),
    startDate: text("start_date").notNull(),
    endDate: text("end_date").notNull(),
    createdAt: text("created_at").notNull().default(now),
    updatedAt: text("updated_at").notNull().default(now),
  },
  (t) => [
    unique().on(t.type, t.startDate),
    index("core_period_parent_id_idx").on(t.parentId),
  ],
);

export const coreChannel = sqliteTable(
  "core_channel",
  {
    id: text("id").primaryKey(),
    code: text("code").notNull().unique(),
    name: text("name").notNull(),
    type: text("type", { enum: ["Messaging", "Social", "Ads", "Web", "Marketplace", "Email", "Phone", "WalkIn", "Event", "Referral", "Partner", "Other"] }).notNull(),
    isActive: integer("is_active", { mode: "boolean" }).notNull().default(true),
    createdAt: text("created_at").notNull().default(now),
    updatedAt: text("updated_at").notNull().default(now),
  },
  (t) => [
    index("core_channel_type_idx").on(t.type),
  ],
);

export const coreSource = sqliteTable(
  "core_source",
  {
    id: text("id").primaryKey(),
    entityId: text("entity_id").references(() => coreEntity.id, { onDelete: "restrict" }),
    code: text("code").notNull().unique(),
    name: text("name").notNull(),
    type: text("type", { enum: ["Spreadsheet", "Database", "Api", "PaymentGateway", "AdPlatform", "Manual"] }).notNull(),
    locator: text("locator"),
    syncCursor: text("sync_cursor"),
    lastSyncDate: text("last_sync_date"),
    isActive: integer("is_active", { mode: "boolean" }).notNull().default(true),
    createdAt: text("created_at").notNull().default(now),
    updatedAt: text("updated_at").notNull().default(now),
  },
  (t) => [
    index("core_source_entity_id_idx").on(t.entityId),
  ],
);

export const dbPerson = sqliteTable(
  "db_person",
  {
    id: text("id").primaryKey(),
    fullName: text("full_name").notNull(),
    nickname: text("nickname"),
    gender: text("gender", { enum: ["Male", "Female"] }),
    birthDate: text("birth_date"),
    birthPlace: text("birth_place"),
    nationalityCode: text("nationality_code").notNull().default("ID"),
    educationLevel: text("education_level", { enum: ["Preschool", "Elementary", "JuniorHigh", "SeniorHigh", "Diploma", "Bachelor", "Master", "Doctorate"] }),
    address: text("address"),
    regionId: text("region_id").references(() => coreRegion.id, { onDelete: "set null" }),
    postalCode: text("postal_code"),
    mergedIntoId: text("merged_into_id").references((): AnySQLiteColumn => dbPerson.id, { onDelete: "restrict" }),
    note: text("note"),
    isActive: integer("is_active", { mode: "boolean" }).notNull().default(true),
    createdAt: text("created_at").notNull().default(now),
    updatedAt: text("updated_at").notNull().default(now),
  },
  (t) => [
    index("db_person_birth_date_idx").on(t.birthDate),
    index("db_person_full_name_idx").on(t.fullName),
    index("db_person_merged_into_id_idx").on(t.mergedIntoId),
    index("db_person_region_id_idx").on(t.regionId),
    index("db_person_updated_at_id_idx").on(t.updatedAt, t.id),
  ],
);

export const dbOrganization = sqliteTable(
  "db_organization",
  {
    id: text("id").primaryKey(),
    name: text("name").notNull(),
    type: text("type", { enum: ["Company", "School", "University", "Government", "Partner", "Community", "Other"] }).notNull(),
    npwp: text("npwp"),
    phone: text("phone"),
    email: text("email"),
    website: text("website"),
    address: text("address"),
    regionId: text("region_id").references(() => coreRegion.id, { onDelete: "set null" }),
    postalCode: text("postal_code"),
    isActive: integer("is_active", { mode: "boolean" }).notNull().default(true),
    sourceId: text("source_id").references(() => coreSource.id, { onDelete: "restrict" }),
    sourceKey: text("source_key"),
    createdAt: text("created_at").notNull().default(now),
    updatedAt: text("updated_at").notNull().default(now),
  },
  (t) => [
    unique().on(t.sourceId, t.sourceKey),
    index("db_organization_npwp_idx").on(t.npwp),
    index("db_organization_region_id_idx").on(t.regionId),
    index("db_organization_type_name_idx").on(t.type, t.name),
  ],
);

export const dbContact = sqliteTable(
  "db_contact",
  {
    id: text("id").primaryKey(),
    personId: text("person_id").notNull().references(() => dbPerson.id, { onDelete: "cascade" }),
    type: text("type", { enum: ["WhatsApp", "Phone", "Email", "Instagram", "Facebook", "TikTok", "Telegram", "Line", "Other"] }).notNull().default("WhatsApp"),
    value: text("value").notNull(),
    isPrimary: integer("is_primary", { mode: "boolean" }).notNull().default(false),
    isVerified: integer("is_verified", { mode: "boolean" }).notNull().default(false),
    isOptOut: integer("is_opt_out", { mode: "boolean" }).notNull().default(false),
    createdAt: text("created_at").notNull().default(now),
    updatedAt: text("updated_at").notNull().default(now),
  },
  (t) => [
    unique().on(t.personId, t.type, t.value),
    index("db_contact_type_value_idx").on(t.type, t.value),
  ],
);

export const dbIdentifier = sqliteTable(
  "db_identifier",
  {
    id: text("id").primaryKey(),
    personId: text("person_id").notNull().references(() => dbPerson.id, { onDelete: "cascade" }),
    sourceId: text("source_id").references(() => coreSource.id, { onDelete: "restrict" }),
    type: text("type", { enum: ["NIK", "NPWP", "Passport", "KITAS", "NISN", "StudentNo", "EmployeeNo", "External"] }).notNull(),
    issuer: text("issuer").notNull().default("ID"),
    value: text("value").notNull(),
    validTo: text("valid_to"),
    createdAt: text("created_at").notNull().default(now),
    updatedAt: text("updated_at").notNull().default(now),
  },
  (t) => [
    unique().on(t.sourceId, t.value),
    unique().on(t.type, t.issuer, t.value),
    index("db_identifier_person_id_idx").on(t.personId),
  ],
);

export const dbRelation = sqliteTable(
  "db_relation",
  {
    id: text("id").primaryKey(),
    fromPersonId: text("from_person_id").notNull().references(() => dbPerson.id, { onDelete: "cascade" }),
    toPersonId: text("to_person_id").notNull().references(() => dbPerson.id, { onDelete: "cascade" }),
    type: text("type", { enum: ["Parent", "Guardian", "Spouse", "Sibling", "Relative", "EmergencyContact", "Referrer", "Other"] }).notNull(),
    note: text("note"),
    createdAt: text("created_at").notNull().default(now),
    updatedAt: text("updated_at").notNull().default(now),
  },
  (t) => [
    unique().on(t.fromPersonId, t.toPersonId, t.type),
    index("db_relation_to_person_id_type_idx").on(t.toPersonId, t.type),
  ],
);

export const dbTag = sqliteTable(
  "db_tag",
  {
    id: text("id").primaryKey(),
    code: text("code").notNull().unique(),
    name: text("name").notNull(),
    type: text("type", { enum: ["Segment", "Interest", "Behaviour", "Status", "Other"] }).notNull().default("Segment"),
    isActive: integer("is_active", { mode: "boolean" }).notNull().default(true),
    createdAt: text("created_at").notNull().default(now),
    updatedAt: text("updated_at").notNull().default(now),
  },
);

export const dbPersonTag = sqliteTable(
  "db_person_tag",
  {
    personId: text("person_id").notNull().references(() => dbPerson.id, { onDelete: "cascade" }),
    tagId: text("tag_id").notNull().references(() => dbTag.id, { onDelete: "cascade" }),
    createdAt: text("created_at").notNull().default(now),
    updatedAt: text("updated_at").notNull().default(now),
  },
  (t) => [
    primaryKey({ columns: [t.personId, t.tagId] }),
    index("db_person_tag_tag_id_idx").on(t.tagId),
  ],
);

export const dbPersonOrganization = sqliteTable(
  "db_person_organization",
  {
    personId: text("person_id").notNull().references(() => dbPerson.id, { onDelete: "cascade" }),
    organizationId: text("organization_id").notNull().references(() => dbOrganization.id, { onDelete: "cascade" }),
    role: text("role", { enum: ["Student", "Alumni", "Employee", "Contact", "Owner", "Other"] }).notNull().default("Contact"),
    jobTitle: text("job_title"),
    startDate: text("start_date"),
    endDate: text("end_date"),
    isPrimary: integer("is_primary", { mode: "boolean" }).notNull().default(false),
    createdAt: text("created_at").notNull().default(now),
    updatedAt: text("updated_at").notNull().default(now),
  },
  (t) => [
    primaryKey({ columns: [t.personId, t.organizationId] }),
    index("db_person_organization_organization_id_role_idx").on(t.organizationId, t.role),
  ],
);

export const dbPersonUnit = sqliteTable(
  "db_person_unit",
  {
    personId: text("person_id").notNull().references(() => dbPerson.id, { onDelete: "cascade" }),
    unitId: text("unit_id").notNull().references(() => coreUnit.id, { onDelete: "cascade" }),
    role: text("role", { enum: ["Manager", "Sales", "Instructor", "Examiner", "Marketing", "Finance", "Admin", "Other"] }).notNull(),
    startDate: text("start_date"),
    endDate: text("end_date"),
    createdAt: text("created_at").notNull().default(now),
    updatedAt: text("updated_at").notNull().default(now),
  },
  (t) => [
    primaryKey({ columns: [t.personId, t.unitId] }),
    index("db_person_unit_unit_id_role_idx").on(t.unitId, t.role),
  ],
);

export const catalogCategory = sqliteTable(
  "catalog_category",
  {
    id: text("id").primaryKey(),
    entityId: text("entity_id").notNull().references(() => coreEntity.id, { onDelete: "restrict" }),
    parentId: text("parent_id").references((): AnySQLiteColumn => catalogCategory.id, { onDelete: "restrict" }),
    code: text("code").notNull(),
    name: text("name").notNull(),
    sortOrder: integer("sort_order").notNull().default(0),
    isActive: integer("is_active", { mode: "boolean" }).notNull().default(true),
    createdAt: text("created_at").notNull().default(now),
    updatedAt: text("updated_at").notNull().default(now),
  },
  (t) => [
    unique().on(t.entityId, t.code),
    index("catalog_category_parent_id_idx").on(t.parentId),
  ],
);

export const catalogItem = sqliteTable(
  "catalog_item",
  {
    id: text("id").primaryKey(),
    entityId: text("entity_id").notNull().references(() => coreEntity.id, { onDelete: "restrict" }),
    categoryId: text("category_id").notNull().references(() => catalogCategory.id, { onDelete: "restrict" }),
    code: text("code").notNull(),
    name: text("name").notNull(),
    type: text("type", { enum: ["Course", "Exam", "Program", "Product", "Service"] }).notNull(),
    uom: text("uom", { enum: ["Package", "Session", "Hour", "Month", "Seat", "Piece"] }).notNull().default("Package"),
    description: text("description"),
    isActive: integer("is_active", { mode: "boolean" }).notNull().default(true),
    sourceId: text("source_id").references(() => coreSource.id, { onDelete: "restrict" }),
    sourceKey: text("source_key"),
    createdAt: text("created_at").notNull().default(now),
    updatedAt: text("updated_at").notNull().default(now),
  },
  (t) => [
    unique().on(t.entityId, t.code),
    unique().on(t.sourceId, t.sourceKey),
    index("catalog_item_category_id_idx").on(t.categoryId),
    index("catalog_item_entity_id_type_idx").on(t.entityId, t.type),
  ],
);

export const catalogVariant = sqliteTable(
  "catalog_variant",
  {
    id: text("id").primaryKey(),
    itemId: text("item_id").notNull().references(() => catalogItem.id, { onDelete: "restrict" }),
    code: text("code").notNull(),
    name: text("name").notNull(),
    level: text("level"),
    mode: text("mode", { enum: ["Offline", "Online", "Hybrid"] }),
    classFormat: text("class_format", { enum: ["Group", "SemiPrivate", "Private", "InHouse", "SelfPaced"] }),
    sessionCount: integer("session_count"),
    durationMinutes: integer("duration_minutes"),
    isActive: integer("is_active", { mode: "boolean" }).notNull().default(true),
    sourceId: text("source_id").references(() => coreSource.id, { onDelete: "restrict" }),
    sourceKey: text("source_key"),
    createdAt: text("created_at").notNull().default(now),
    updatedAt: text("updated_at").notNull().default(now),
  },
  (t) => [
    unique().on(t.itemId, t.code),
    unique().on(t.sourceId, t.sourceKey),
  ],
);

export const catalogPrice = sqliteTable(
  "catalog_price",
  {
    id: text("id").primaryKey(),
    itemId: text("item_id").references(() => catalogItem.id, { onDelete: "cascade" }),
    variantId: text("variant_id").references(() => catalogVariant.id, { onDelete: "cascade" }),
    unitId: text("unit_id").references(() => coreUnit.id, { onDelete: "cascade" }),
    tier: text("tier", { enum: ["Regular", "EarlyBird", "Alumni", "Group", "Corporate", "Promo"] }).notNull().default("Regular"),
    minQuantity: integer("min_quantity").notNull().default(1),
    amount: real("amount").notNull(),
    validFrom: text("valid_from").notNull(),
    validTo: text("valid_to"),
    isActive: integer("is_active", { mode: "boolean" }).notNull().default(true),
    sourceId: text("source_id").references(() => coreSource.id, { onDelete: "restrict" }),
    sourceKey: text("source_key"),
    createdAt: text("created_at").notNull().default(now),
    updatedAt: text("updated_at").notNull().default(now),
  },
  (t) => [
    unique().on(t.sourceId, t.sourceKey),
    index("catalog_price_item_id_valid_from_idx").on(t.itemId, t.validFrom),
    index("catalog_price_unit_id_idx").on(t.unitId),
    index("catalog_price_variant_id_valid_from_idx").on(t.variantId, t.validFrom),
  ],
);

export const catalogBatch = sqliteTable(
  "catalog_batch",
  {
    id: text("id").primaryKey(),
    entityId: text("entity_id").notNull().references(() => coreEntity.id, { onDelete: "restrict" }),
    variantId: text("variant_id").notNull().references(() => catalogVariant.id, { onDelete: "restrict" }),
    unitId: text("unit_id").notNull().references(() => coreUnit.id, { onDelete: "restrict" }),
    code: text("code").notNull(),
    name: text("name").notNull(),
    startDate: text("start_date").notNull(),
    endDate: text("end_date"),
    scheduleNote: text("schedule_note"),
    capacity: integer("capacity"),
    status: text("status", { enum: ["Draft", "Open", "Running", "Completed", "Cancelled"] }).notNull().default("Draft"),
    sourceId: text("source_id").references(() => coreSource.id, { onDelete: "restrict" }),
    sourceKey: text("source_key"),
    createdAt: text("created_at").notNull().default(now),
    updatedAt: text("updated_at").notNull().default(now),
  },
  (t) => [
    unique().on(t.entityId, t.code),
    unique().on(t.sourceId, t.sourceKey),
    index("catalog_batch_entity_id_start_date_idx").on(t.entityId, t.startDate),
    index("catalog_batch_unit_id_start_date_idx").on(t.unitId, t.startDate),
    index("catalog_batch_variant_id_idx").on(t.variantId),
  ],
);

export const catalogBatchInstructor = sqliteTable(
  "catalog_batch_instructor",
  {
    batchId: text("batch_id").notNull().references(() => catalogBatch.id, { onDelete: "cascade" }),
    personId: text("person_id").notNull().references(() => dbPerson.id, { onDelete: "restrict" }),
    role: text("role", { enum: ["Lead", "Assistant", "Examiner", "Substitute"] }).notNull().default("Lead"),
    createdAt: text("created_at").notNull().default(now),
    updatedAt: text("updated_at").notNull().default(now),
  },
  (t) => [
    primaryKey({ columns: [t.batchId, t.personId] }),
    index("catalog_batch_instructor_person_id_idx").on(t.personId),
  ],
);

export const catalogItemComponent = sqliteTable(
  "catalog_item_component",
  {
    itemId: text("item_id").notNull().references(() => catalogItem.id, { onDelete: "cascade" }),
    componentId: text("component_id").notNull().references(() => catalogItem.id, { onDelete: "restrict" }),
    quantity: real("quantity").notNull().default(1),
    isRequired: integer("is_required", { mode: "boolean" }).notNull().default(true),
    createdAt: text("created_at").notNull().default(now),
    updatedAt: text("updated_at").notNull().default(now),
  },
  (t) => [
    primaryKey({ columns: [t.itemId, t.componentId] }),
    index("catalog_item_component_component_id_idx").on(t.componentId),
  ],
);

export const commercePromotion = sqliteTable(
  "commerce_promotion",
  {
    id: text("id").primaryKey(),
    entityId: text("entity_id").notNull().references(() => coreEntity.id, { onDelete: "restrict" }),
    code: text("code").notNull(),
    name: text("name").notNull(),
    type: text("type", { enum: ["Voucher", "Scholarship", "Referral", "Seasonal", "Corporate"] }).notNull(),
    valueType: text("value_type", { enum: ["Percentage", "Amount"] }).notNull(),
    value: real("value").notNull(),
    maxDiscountAmount: real("max_discount_amount"),
    minOrderAmount: real("min_order_amount"),
    usageLimit: integer("usage_limit"),
    startDate: text("start_date").notNull(),
    endDate: text("end_date"),
    isActive: integer("is_active", { mode: "boolean" }).notNull().default(true),
    createdAt: text("created_at").notNull().default(now),
    updatedAt: text("updated_at").notNull().default(now),
  },
  (t) => [
    unique().on(t.entityId, t.code),
    index("commerce_promotion_entity_id_start_date_idx").on(t.entityId, t.startDate),
  ],
);

export const commerceOrder = sqliteTable(
  "commerce_order",
  {
    id: text("id").primaryKey(),
    entityId: text("entity_id").notNull().references(() => coreEntity.id, { onDelete: "restrict" }),
    unitId: text("unit_id").notNull().references(() => coreUnit.id, { onDelete: "restrict" }),
    number: text("number").notNull(),
    type: text("type", { enum: ["Enrollment", "Product", "Service", "Other"] }).notNull(),
    status: text("status", { enum: ["Draft", "Confirmed", "Completed", "Cancelled"] }).notNull().default("Draft"),
    orderDate: text("order_date").notNull(),
    customerId: text("customer_id").references(() => dbPerson.id, { onDelete: "restrict" }),
    organizationId: text("organization_id").references(() => dbOrganization.id, { onDelete: "restrict" }),
    participantId: text("participant_id").references(() => dbPerson.id, { onDelete: "restrict" }),
    salesPersonId: text("sales_person_id").references(() => dbPerson.id, { onDelete: "restrict" }),
    channelId: text("channel_id").references(() => coreChannel.id, { onDelete: "restrict" }),
    subtotalAmount: real("subtotal_amount").notNull().default(0),
    discountAmount: real("discount_amount").notNull().default(0),
    taxAmount: real("tax_amount").notNull().default(0),
    totalAmount: real("total_amount").notNull().default(0),
    note: text("note"),
    sourceId: text("source_id").references(() => coreSource.id, { onDelete: "restrict" }),
    sourceKey: text("source_key"),
    createdAt: text("created_at").notNull().default(now),
    updatedAt: text("updated_at").notNull().default(now),
  },
  (t) => [
    unique().on(t.entityId, t.number),
    unique().on(t.sourceId, t.sourceKey),
    index("commerce_order_channel_id_idx").on(t.channelId),
    index("commerce_order_customer_id_idx").on(t.customerId),
    index("commerce_order_entity_id_order_date_idx").on(t.entityId, t.orderDate),
    index("commerce_order_organization_id_idx").on(t.organizationId),
    index("commerce_order_participant_id_idx").on(t.participantId),
    index("commerce_order_sales_person_id_order_date_idx").on(t.salesPersonId, t.orderDate),
    index("commerce_order_unit_id_order_date_idx").on(t.unitId, t.orderDate),
    index("commerce_order_updated_at_id_idx").on(t.updatedAt, t.id),
  ],
);

export const commerceOrderLine = sqliteTable(
  "commerce_order_line",
  {
    id: text("id").primaryKey(),
    orderId: text("order_id").notNull().references(() => commerceOrder.id, { onDelete: "cascade" }),
    lineNo: integer("line_no").notNull(),
    itemId: text("item_id").notNull().references(() => catalogItem.id, { onDelete: "restrict" }),
    variantId: text("variant_id").references(() => catalogVariant.id, { onDelete: "restrict" }),
    priceId: text("price_id").references(() => catalogPrice.id, { onDelete: "set null" }),
    promotionId: text("promotion_id").references(() => commercePromotion.id, { onDelete: "restrict" }),
    description: text("description"),
    quantity: real("quantity").notNull().default(1),
    unitPrice: real("unit_price").notNull(),
    discountAmount: real("discount_amount").notNull().default(0),
    taxAmount: real("tax_amount").notNull().default(0),
    totalAmount: real("total_amount").notNull(),
    sourceId: text("source_id").references(() => coreSource.id, { onDelete: "restrict" }),
    sourceKey: text("source_key"),
    createdAt: text("created_at").notNull().default(now),
    updatedAt: text("updated_at").notNull().default(now),
  },
  (t) => [
    unique().on(t.orderId, t.lineNo),
    unique().on(t.sourceId, t.sourceKey),
    index("commerce_order_line_item_id_idx").on(t.itemId),
    index("commerce_order_line_price_id_idx").on(t.priceId),
    index("commerce_order_line_promotion_id_idx").on(t.promotionId),
    index("commerce_order_line_variant_id_idx").on(t.variantId),
  ],
);

export const commerceEnrollment = sqliteTable(
  "commerce_enrollment",
  {
    id: text("id").primaryKey(),
    orderLineId: text("order_line_id").notNull().references(() => commerceOrderLine.id, { onDelete: "restrict" }),
    personId: text("person_id").notNull().references(() => dbPerson.id, { onDelete: "restrict" }),
    batchId: text("batch_id").references(() => catalogBatch.id, { onDelete: "restrict" }),
    status: text("status", { enum: ["Registered", "Active", "Completed", "Withdrawn", "Transferred", "NoShow"] }).notNull().default("Registered"),
    enrollDate: text("enroll_date").notNull(),
    endDate: text("end_date"),
    result: text("result", { enum: ["Passed", "Failed", "Incomplete"] }),
    score: real("score"),
    certificateNo: text("certificate_no"),
    sourceId: text("source_id").references(() => coreSource.id, { onDelete: "restrict" }),
    sourceKey: text("source_key"),
    createdAt: text("created_at").notNull().default(now),
    updatedAt: text("updated_at").notNull().default(now),
  },
  (t) => [
    unique().on(t.batchId, t.personId),
    unique().on(t.sourceId, t.sourceKey),
    index("commerce_enrollment_certificate_no_idx").on(t.certificateNo),
    index("commerce_enrollment_order_line_id_idx").on(t.orderLineId),
    index("commerce_enrollment_person_id_idx").on(t.personId),
    index("commerce_enrollment_updated_at_id_idx").on(t.updatedAt, t.id),
  ],
);

export const financeAccount = sqliteTable(
  "finance_account",
  {
    id: text("id").primaryKey(),
    entityId: text("entity_id").notNull().references(() => coreEntity.id, { onDelete: "restrict" }),
    parentId: text("parent_id").references((): AnySQLiteColumn => financeAccount.id, { onDelete: "restrict" }),
    code: text("code").notNull(),
    name: text("name").notNull(),
    type: text("type", { enum: ["Asset", "Liability", "Equity", "Income", "Expense"] }).notNull(),
    isGroup: integer("is_group", { mode: "boolean" }).notNull().default(false),
    isCash: integer("is_cash", { mode: "boolean" }).notNull().default(false),
    isActive: integer("is_active", { mode: "boolean" }).notNull().default(true),
    createdAt: text("created_at").notNull().default(now),
    updatedAt: text("updated_at").notNull().default(now),
  },
  (t) => [
    unique().on(t.entityId, t.code),
    index("finance_account_entity_id_type_idx").on(t.entityId, t.type),
    index("finance_account_parent_id_idx").on(t.parentId),
  ],
);

export const financeInvoice = sqliteTable(
  "finance_invoice",
  {
    id: text("id").primaryKey(),
    entityId: text("entity_id").notNull().references(() => coreEntity.id, { onDelete: "restrict" }),
    orderId: text("order_id").notNull().references(() => commerceOrder.id, { onDelete: "restrict" }),
    number: text("number").notNull(),
    installmentNo: integer("installment_no").notNull().default(1),
    issueDate: text("issue_date").notNull(),
    dueDate: text("due_date").notNull(),
    status: text("status", { enum: ["Draft", "Issued", "Void"] }).notNull().default("Draft"),
    taxNumber: text("tax_number"),
    taxAmount: real("tax_amount").notNull().default(0),
    totalAmount: real("total_amount").notNull().default(0),
    sourceId: text("source_id").references(() => coreSource.id, { onDelete: "restrict" }),
    sourceKey: text("source_key"),
    createdAt: text("created_at").notNull().default(now),
    updatedAt: text("updated_at").notNull().default(now),
  },
  (t) => [
    unique().on(t.entityId, t.number),
    unique().on(t.sourceId, t.sourceKey),
    index("finance_invoice_entity_id_issue_date_idx").on(t.entityId, t.issueDate),
    index("finance_invoice_entity_id_status_due_date_idx").on(t.entityId, t.status, t.dueDate),
    index("finance_invoice_order_id_idx").on(t.orderId),
    index("finance_invoice_updated_at_id_idx").on(t.updatedAt, t.id),
  ],
);

export const financeInvoiceLine = sqliteTable(
  "finance_invoice_line",
  {
    id: text("id").primaryKey(),
    invoiceId: text("invoice_id").notNull().references(() => financeInvoice.id, { onDelete: "cascade" }),
    lineNo: integer("line_no").notNull(),
    orderLineId: text("order_line_id").references(() => commerceOrderLine.id, { onDelete: "restrict" }),
    accountId: text("account_id").references(() => financeAccount.id, { onDelete: "restrict" }),
    description: text("description"),
    amount: real("amount").notNull(),
    taxAmount: real("tax_amount").notNull().default(0),
    createdAt: text("created_at").notNull().default(now),
    updatedAt: text("updated_at").notNull().default(now),
  },
  (t) => [
    unique().on(t.invoiceId, t.lineNo),
    index("finance_invoice_line_account_id_idx").on(t.accountId),
    index("finance_invoice_line_order_line_id_idx").on(t.orderLineId),
  ],
);

export const financePayment = sqliteTable(
  "finance_payment",
  {
    id: text("id").primaryKey(),
    entityId: text("entity_id").notNull().references(() => coreEntity.id, { onDelete: "restrict" }),
    unitId: text("unit_id").references(() => coreUnit.id, { onDelete: "restrict" }),
    accountId: text("account_id").references(() => financeAccount.id, { onDelete: "restrict" }),
    personId: text("person_id").references(() => dbPerson.id, { onDelete: "restrict" }),
    organizationId: text("organization_id").references(() => dbOrganization.id, { onDelete: "restrict" }),
    number: text("number").notNull(),
    direction: text("direction", { enum: ["In", "Out"] }).notNull().default("In"),
    method: text("method", { enum: ["Cash", "BankTransfer", "VirtualAccount", "QRIS", "Card", "EWallet", "Other"] }).notNull(),
    status: text("status", { enum: ["Pending", "Settled", "Failed", "Cancelled"] }).notNull().default("Settled"),
    paymentDate: text("payment_date").notNull(),
    amount: real("amount").notNull(),
    feeAmount: real("fee_amount").notNull().default(0),
    reference: text("reference"),
    sourceId: text("source_id").references(() => coreSource.id, { onDelete: "restrict" }),
    sourceKey: text("source_key"),
    createdAt: text("created_at").notNull().default(now),
    updatedAt: text("updated_at").notNull().default(now),
  },
  (t) => [
    unique().on(t.entityId, t.number),
    unique().on(t.sourceId, t.sourceKey),
    index("finance_payment_account_id_idx").on(t.accountId),
    index("finance_payment_entity_id_payment_date_idx").on(t.entityId, t.paymentDate),
    index("finance_payment_organization_id_idx").on(t.organizationId),
    index("finance_payment_person_id_idx").on(t.personId),
    index("finance_payment_reference_idx").on(t.reference),
    index("finance_payment_unit_id_payment_date_idx").on(t.unitId, t.paymentDate),
    index("finance_payment_updated_at_id_idx").on(t.updatedAt, t.id),
  ],
);

export const financePaymentAllocation = sqliteTable(
  "finance_payment_allocation",
  {
    paymentId: text("payment_id").notNull().references(() => financePayment.id, { onDelete: "cascade" }),
    invoiceId: text("invoice_id").notNull().references(() => financeInvoice.id, { onDelete: "restrict" }),
    amount: real("amount").notNull(),
    createdAt: text("created_at").notNull().default(now),
    updatedAt: text("updated_at").notNull().default(now),
  },
  (t) => [
    primaryKey({ columns: [t.paymentId, t.invoiceId] }),
    index("finance_payment_allocation_invoice_id_idx").on(t.invoiceId),
  ],
);

export const financeRevenue = sqliteTable(
  "finance_revenue",
  {
    id: text("id").primaryKey(),
    entityId: text("entity_id").notNull().references(() => coreEntity.id, { onDelete: "restrict" }),
    unitId: text("unit_id").notNull().references(() => coreUnit.id, { onDelete: "restrict" }),
    orderLineId: text("order_line_id").references(() => commerceOrderLine.id, { onDelete: "restrict" }),
    accountId: text("account_id").references(() => financeAccount.id, { onDelete: "restrict" }),
    revenueDate: text("revenue_date").notNull(),
    amount: real("amount").notNull(),
    basis: text("basis", { enum: ["Delivery", "Invoice", "Cash", "Manual"] }).notNull().default("Delivery"),
    description: text("description"),
    sourceId: text("source_id").references(() => coreSource.id, { onDelete: "restrict" }),
    sourceKey: text("source_key"),
    createdAt: text("created_at").notNull().default(now),
    updatedAt: text("updated_at").notNull().default(now),
  },
  (t) => [
    unique().on(t.orderLineId, t.revenueDate),
    unique().on(t.sourceId, t.sourceKey),
    index("finance_revenue_account_id_idx").on(t.accountId),
    index("finance_revenue_entity_id_revenue_date_idx").on(t.entityId, t.revenueDate),
    index("finance_revenue_unit_id_revenue_date_idx").on(t.unitId, t.revenueDate),
    index("finance_revenue_updated_at_id_idx").on(t.updatedAt, t.id),
  ],
);

export const marketingCampaign = sqliteTable(
  "marketing_campaign",
  {
    id: text("id").primaryKey(),
    entityId: text("entity_id").notNull().references(() => coreEntity.id, { onDelete: "restrict" }),
    unitId: text("unit_id").references(() => coreUnit.id, { onDelete: "restrict" }),
    ownerId: text("owner_id").references(() => dbPerson.id, { onDelete: "set null" }),
    code: text("code").notNull(),
    name: text("name").notNull(),
    objective: text("objective", { enum: ["Awareness", "LeadGeneration", "Conversion", "Retention"] }).notNull(),
    status: text("status", { enum: ["Planned", "Active", "Paused", "Completed", "Cancelled"] }).notNull().default("Planned"),
    startDate: text("start_date").notNull(),
    endDate: text("end_date"),
    budgetAmount: real("budget_amount").notNull().default(0),
    sourceId: text("source_id").references(() => coreSource.id, { onDelete: "restrict" }),
    sourceKey: text("source_key"),
    createdAt: text("created_at").notNull().default(now),
    updatedAt: text("updated_at").notNull().default(now),
  },
  (t) => [
    unique().on(t.entityId, t.code),
    unique().on(t.sourceId, t.sourceKey),
    index("marketing_campaign_entity_id_start_date_idx").on(t.entityId, t.startDate),
    index("marketing_campaign_owner_id_idx").on(t.ownerId),
    index("marketing_campaign_unit_id_idx").on(t.unitId),
  ],
);

export const marketingCampaignChannel = sqliteTable(
  "marketing_campaign_channel",
  {
    campaignId: text("campaign_id").notNull().references(() => marketingCampaign.id, { onDelete: "cascade" }),
    channelId: text("channel_id").notNull().references(() => coreChannel.id, { onDelete: "restrict" }),
    budgetAmount: real("budget_amount").notNull().default(0),
    spendAmount: real("spend_amount").notNull().default(0),
    createdAt: text("created_at").notNull().default(now),
    updatedAt: text("updated_at").notNull().default(now),
  },
  (t) => [
    primaryKey({ columns: [t.campaignId, t.channelId] }),
    index("marketing_campaign_channel_channel_id_idx").on(t.channelId),
  ],
);

export const marketingAgenda = sqliteTable(
  "marketing_agenda",
  {
    id: text("id").primaryKey(),
    entityId: text("entity_id").notNull().references(() => coreEntity.id, { onDelete: "restrict" }),
    unitId: text("unit_id").references(() => coreUnit.id, { onDelete: "restrict" }),
    campaignId: text("campaign_id").references(() => marketingCampaign.id, { onDelete: "set null" }),
    channelId: text("channel_id").references(() => coreChannel.id, { onDelete: "restrict" }),
    picId: text("pic_id").references(() => dbPerson.id, { onDelete: "set null" }),
    organizationId: text("organization_id").references(() => dbOrganization.id, { onDelete: "set null" }),
    regionId: text("region_id").references(() => coreRegion.id, { onDelete: "set null" }),
    name: text("name").notNull(),
    type: text("type", { enum: ["SchoolVisit", "OpenHouse", "Exhibition", "Seminar", "Webinar", "TrialClass", "SocialPost", "LiveStream", "Broadcast", "Partnership", "Meeting", "Other"] }).notNull(),
    status: text("status", { enum: ["Planned", "Ongoing", "Done", "Postponed", "Cancelled"] }).notNull().default("Planned"),
    startDate: text("start_date").notNull(),
    endDate: text("end_date").notNull(),
    startTime: text("start_time"),
    endTime: text("end_time"),
    location: text("location"),
    targetLeadCount: integer("target_lead_count"),
    budgetAmount: real("budget_amount").notNull().default(0),
    actualAmount: real("actual_amount"),
    resultNote: text("result_note"),
    sourceId: text("source_id").references(() => coreSource.id, { onDelete: "restrict" }),
    sourceKey: text("source_key"),
    createdAt: text("created_at").notNull().default(now),
    updatedAt: text("updated_at").notNull().default(now),
  },
  (t) => [
    unique().on(t.sourceId, t.sourceKey),
    index("marketing_agenda_campaign_id_idx").on(t.campaignId),
    index("marketing_agenda_channel_id_idx").on(t.channelId),
    index("marketing_agenda_entity_id_start_date_idx").on(t.entityId, t.startDate),
    index("marketing_agenda_organization_id_idx").on(t.organizationId),
    index("marketing_agenda_pic_id_idx").on(t.picId),
    index("marketing_agenda_region_id_idx").on(t.regionId),
    index("marketing_agenda_unit_id_start_date_idx").on(t.unitId, t.startDate),
    index("marketing_agenda_updated_at_id_idx").on(t.updatedAt, t.id),
  ],
);

export const marketingLead = sqliteTable(
  "marketing_lead",
  {
    id: text("id").primaryKey(),
    entityId: text("entity_id").notNull().references(() => coreEntity.id, { onDelete: "restrict" }),
    unitId: text("unit_id").references(() => coreUnit.id, { onDelete: "restrict" }),
    personId: text("person_id").notNull().references(() => dbPerson.id, { onDelete: "restrict" }),
    campaignId: text("campaign_id").references(() => marketingCampaign.id, { onDelete: "set null" }),
    agendaId: text("agenda_id").references(() => marketingAgenda.id, { onDelete: "set null" }),
    channelId: text("channel_id").references(() => coreChannel.id, { onDelete: "restrict" }),
    itemId: text("item_id").references(() => catalogItem.id, { onDelete: "set null" }),
    ownerId: text("owner_id").references(() => dbPerson.id, { onDelete: "set null" }),
    orderId: text("order_id").unique().references(() => commerceOrder.id, { onDelete: "set null" }),
    status: text("status", { enum: ["New", "Contacted", "Qualified", "Won", "Lost"] }).notNull().default("New"),
    lostReason: text("lost_reason", { enum: ["Price", "Schedule", "Location", "Competitor", "NoResponse", "NotEligible", "Other"] }),
    leadDate: text("lead_date").notNull(),
    closedDate: text("closed_date"),
    note: text("note"),
    sourceId: text("source_id").references(() => coreSource.id, { onDelete: "restrict" }),
    sourceKey: text("source_key"),
    createdAt: text("created_at").notNull().default(now),
    updatedAt: text("updated_at").notNull().default(now),
  },
  (t) => [
    unique().on(t.sourceId, t.sourceKey),
    index("marketing_lead_agenda_id_idx").on(t.agendaId),
    index("marketing_lead_campaign_id_idx").on(t.campaignId),
    index("marketing_lead_channel_id_idx").on(t.channelId),
    index("marketing_lead_entity_id_lead_date_idx").on(t.entityId, t.leadDate),
    index("marketing_lead_item_id_idx").on(t.itemId),
    index("marketing_lead_owner_id_status_idx").on(t.ownerId, t.status),
    index("marketing_lead_person_id_idx").on(t.personId),
    index("marketing_lead_unit_id_lead_date_idx").on(t.unitId, t.leadDate),
    index("marketing_lead_updated_at_id_idx").on(t.updatedAt, t.id),
  ],
);

export const targetPlan = sqliteTable(
  "target_plan",
  {
    id: text("id").primaryKey(),
    entityId: text("entity_id").notNull().references(() => coreEntity.id, { onDelete: "restrict" }),
    periodId: text("period_id").notNull().references(() => corePeriod.id, { onDelete: "restrict" }),
    version: integer("version").notNull().default(1),
    name: text("name").notNull(),
    status: text("status", { enum: ["Draft", "Approved", "Archived"] }).notNull().default("Draft"),
    approvedDate: text("approved_date"),
    createdAt: text("created_at").notNull().default(now),
    updatedAt: text("updated_at").notNull().default(now),
  },
  (t) => [
    unique().on(t.entityId, t.periodId, t.version),
    index("target_plan_period_id_idx").on(t.periodId),
  ],
);

export const targetLine = sqliteTable(
  "target_line",
  {
    id: text("id").primaryKey(),
    planId: text("plan_id").notNull().references(() => targetPlan.id, { onDelete: "cascade" }),
    periodId: text("period_id").notNull().references(() => corePeriod.id, { onDelete: "restrict" }),
    metric: text("metric", { enum: ["OrderAmount", "OrderCount", "EnrollmentCount", "NewCustomerCount", "BilledAmount", "CollectedAmount", "RevenueAmount", "LeadCount", "AgendaCount"] }).notNull(),
    unitId: text("unit_id").references(() => coreUnit.id, { onDelete: "restrict" }),
    categoryId: text("category_id").references(() => catalogCategory.id, { onDelete: "restrict" }),
    salesPersonId: text("sales_person_id").references(() => dbPerson.id, { onDelete: "restrict" }),
    value: real("value").notNull(),
    sourceId: text("source_id").references(() => coreSource.id, { onDelete: "restrict" }),
    sourceKey: text("source_key"),
    createdAt: text("created_at").notNull().default(now),
    updatedAt: text("updated_at").notNull().default(now),
  },
  (t) => [
    unique().on(t.sourceId, t.sourceKey),
    index("target_line_category_id_idx").on(t.categoryId),
    index("target_line_period_id_metric_idx").on(t.periodId, t.metric),
    index("target_line_plan_id_metric_period_id_idx").on(t.planId, t.metric, t.periodId),
    index("target_line_sales_person_id_idx").on(t.salesPersonId),
    index("target_line_unit_id_idx").on(t.unitId),
  ],
);

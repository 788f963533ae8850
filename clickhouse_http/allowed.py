"""What a read-only query may name. Everything that is not here is refused, also what a later ClickHouse adds."""

# Tables and views of ours, the names that analysts are promised. What lies beneath them stays out of reach: `catalog`
# holds hashes of keys, the facts and rows hold what the views hide.
READABLE = frozenset(
    ("events", "users", "conversations", "identities", "audit_log", "segment_members", "quarantine")
    + ("config_exposures", "message_deliveries")
)

# What clients read to show what there is. Not processes, query logs, settings of the server, users, disks or parts.
SYSTEM_TABLES = frozenset(
    (
        "aggregate_function_combinators",
        "build_options",
        "codecs",
        "collations",
        "columns",
        "completions",
        "contributors",
    )
    + ("current_roles", "data_skipping_index_types", "data_type_families", "database_engines", "databases")
    + ("dictionary_layouts", "documentation", "enabled_roles", "formats", "functions", "keywords", "licenses")
    + ("merge_tree_settings", "numbers", "numbers_mt", "one", "primes", "privileges", "settings", "table_engines")
    + ("table_functions", "tables", "time_zones", "tokenizers", "unicode", "zeros", "zeros_mt")
)
INFORMATION_SCHEMA = frozenset(
    ("character_sets", "collations", "columns", "engines", "key_column_usage", "referential_constraints", "schemata")
    + ("statistics", "tables", "views")
)
TABLE_FUNCTIONS = frozenset(
    ("generaterandom", "generateseries", "generate_series", "null", "numbers", "numbers_mt", "primes", "values", "view")
    + ("zeros", "zeros_mt")
)

# By the engine's own categories, which hold pure functions only. The categories AI (network), Dictionary, Embedded
# Dictionary, Internal, Introspection, Machine Learning (models from files) and Other are left out as a whole.
FUNCTION_CATEGORIES = frozenset(
    ("Aggregate Functions", "Arithmetic", "Arrays", "Bit", "Bitmap", "Comparison", "Conditional", "Dates and Times")
    + ("Distance", "Encoding", "Encryption", "Financial", "Geo", "Geo Polygon", "Hash", "IP Address", "JSON", "Logical")
    + ("Map", "Mathematical", "Null", "NumericIndexedVector", "QBit", "Random Number", "Rounding", "String")
    + ("String Replacement", "String Search", "String Splitting", "Time Series", "Time Window", "Tuple")
    + ("Type Conversion", "URL", "UUID", "Window Functions")
)
# From the other categories. Refused there are among others: file, joinGet, hasColumnInTable (reaches other servers),
# sleep, showCertificate, filesystem*, getServerSetting, getMacro, getClientHTTPHeader, generateSerialID (Keeper),
# logTrace, addressToLine, transaction*, zookeeper*, serverUUID, getServerPort, runningConcurrency.
OTHER_FUNCTIONS = frozenset(
    ("_CAST", "caseWithExpression", "nested", "validateNestedArraySizes")  # Internal, made by the parser
    + ("MACNumToString", "MACStringToNum", "MACStringToOUI", "FQDN", "authenticatedUser", "bar", "blockNumber")
    + ("blockSerializedSize", "blockSize", "buildId", "byteSize", "colorOKLABToSRGB", "colorOKLCHToSRGB")
    + ("colorSRGBToOKLAB", "colorSRGBToOKLCH", "connectionId", "countDigits", "currentDatabase", "currentProfiles")
    + ("currentQueryID", "currentRoles", "currentSchemas", "currentUser", "defaultProfiles", "defaultRoles")
    + ("defaultValueOfArgumentType", "defaultValueOfTypeName", "digits", "displayName", "dumpColumnStructure")
    + ("enabledProfiles", "enabledRoles", "errorCodeToName", "finalizeAggregation", "flipCoordinates", "formatQuery")
    + ("formatQueryFromJSON", "formatQueryOrNull", "formatQuerySingleLine", "formatQuerySingleLineOrNull")
    + ("formatReadableDecimalSize", "formatReadableQuantity", "formatReadableSize", "formatReadableTimeDelta")
    + ("generateRandomStructure", "getSetting", "getSettingOrDefault", "getSizeOfEnumType", "getSubcolumn")
    + ("getTypeSerializationStreams", "globalVariable", "highlightQuery", "hostName", "icebergBucket")
    + ("icebergTruncate", "identity", "ignore", "indexHint", "initialQueryID", "initialQueryStartTime")
    + ("initializeAggregation", "isConstant", "isDecimalOverflow", "lowCardinalityIndices", "lowCardinalityKeys")
    + ("materialize", "minSampleSizeContinuous", "minSampleSizeConversion", "neighbor", "normalizeQuery")
    + ("normalizeQueryKeepNames", "normalizedQueryHash", "normalizedQueryHashKeepNames", "parseISO8601Duration")
    + ("parseQueryToJSON", "parseReadableSize", "parseReadableSizeOrNull", "parseReadableSizeOrZero", "parseTimeDelta")
    + ("partitionId", "pgGetUserById", "pgTableIsVisible", "queryID", "revision", "rowNumberInAllBlocks")
    + ("rowNumberInBlock", "runningAccumulate", "runningDifference", "runningDifferenceStartingWithFirstValue")
    + ("shardCount", "shardNum", "structureToCapnProtoSchema", "structureToProtobufSchema", "throwIf")
    + ("toColumnTypeName", "toTypeName", "tokenizeQuery", "transform", "uptime", "variantElement", "variantType")
    + ("version", "visibleWidth")
)
# Of these, what tells of the server or of who asks it: open to an analyst, closed to the members of a project.
ABOUT_THE_SERVER = frozenset(
    ("authenticateduser", "buildid", "connectionid", "connection_id", "currentdatabase", "currentprofiles")
    + ("currentqueryid", "currentroles", "currentschemas", "currentuser", "current_database", "current_query_id")
    + ("current_schemas", "current_user", "database", "defaultprofiles", "defaultroles", "displayname")
    + ("enabledprofiles", "enabledroles", "fqdn", "fullhostname", "getsetting", "getsettingordefault")
    + ("globalvariable", "hostname", "initialqueryid", "initial_query_id", "initialquerystarttime")
    + ("initial_query_start_time", "pggetuserbyid", "pgtableisvisible", "queryid", "query_id", "revision", "schema")
    + ("servertimezone", "shardcount", "shardnum", "timezone", "uptime", "user", "version")
)
# Pure, but one call takes as long as the product of its texts' lengths, and looks at no time limit meanwhile.
QUADRATIC_FUNCTIONS = frozenset(
    ("dameraulevenshteindistance", "editdistance", "editdistanceutf8", "jarosimilarity", "jarowinklersimilarity")
    + ("levenshteindistance", "levenshteindistanceutf8", "levenshteinsimilarity", "arraylevenshteindistance")
    + ("arraylevenshteindistanceweighted", "arraysimilarity", "byteeditdistance")
)
# Known to the parser and the analyzer alone, so that system.functions does not list them.
SYNTAX_FUNCTIONS = frozenset(("exists", "grouping", "lambda", "untuple"))

EXPLAINS = frozenset(
    ("EXPLAIN", "EXPLAIN AST", "EXPLAIN SYNTAX", "EXPLAIN QUERY TREE", "EXPLAIN PIPELINE", "EXPLAIN ESTIMATE")
)

# Formats without a file or a server behind them. Protobuf, CapnProto and Template read schemas from files,
# AvroConfluent asks a registry.
FORMATS = frozenset(
    ("Arrow", "ArrowStream", "Avro", "BSONEachRow", "Buffers", "CSV", "CSVWithNames", "CSVWithNamesAndTypes")
    + ("CustomSeparated", "CustomSeparatedWithNames", "CustomSeparatedWithNamesAndTypes", "GeoJSON", "Hash", "HiveText")
    + ("JSON", "JSONColumns", "JSONColumnsWithMetadata", "JSONCompact", "JSONCompactColumns", "JSONCompactEachRow")
    + ("JSONCompactEachRowWithNames", "JSONCompactEachRowWithNamesAndTypes", "JSONCompactEachRowWithProgress")
    + ("JSONCompactStrings", "JSONCompactStringsEachRow", "JSONCompactStringsEachRowWithNames")
    + ("JSONCompactStringsEachRowWithNamesAndTypes", "JSONCompactStringsEachRowWithProgress", "JSONEachRow")
    + ("JSONEachRowWithProgress", "JSONL", "JSONLines", "JSONObjectEachRow", "JSONStrings", "JSONStringsEachRow")
    + ("JSONStringsEachRowWithProgress", "LineAsString", "LineAsStringWithNames", "LineAsStringWithNamesAndTypes", "MD")
    + ("Markdown", "MsgPack", "NDJSON", "Native", "Npy", "Null", "ORC", "PNG", "Parquet", "Pretty", "PrettyCompact")
    + ("PrettyCompactMonoBlock", "PrettyCompactNoEscapes", "PrettyCompactNoEscapesMonoBlock", "PrettyJSONEachRow")
    + ("PrettyJSONLines", "PrettyMonoBlock", "PrettyNDJSON", "PrettyNoEscapes", "PrettyNoEscapesMonoBlock")
    + ("PrettySpace", "PrettySpaceMonoBlock", "PrettySpaceNoEscapes", "PrettySpaceNoEscapesMonoBlock", "Prometheus")
    + ("Raw", "RawBLOB", "RawWithNames", "RawWithNamesAndTypes", "RowBinary", "RowBinaryWithNames")
    + ("RowBinaryWithNamesAndTypes", "SQLInsert", "TSKV", "TSV", "TSVRaw", "TSVRawWithNames", "TSVRawWithNamesAndTypes")
    + ("TSVWithNames", "TSVWithNamesAndTypes", "TabSeparated", "TabSeparatedRaw", "TabSeparatedRawWithNames")
    + ("TabSeparatedRawWithNamesAndTypes", "TabSeparatedWithNames", "TabSeparatedWithNamesAndTypes", "Values")
    + ("Vertical", "XML")
)

# Settings that change how an answer looks or how SQL reads, not what a query may reach or cost.
SETTINGS = frozenset(
    ("aggregate_functions_null_for_empty", "any_join_distinct_right_table_keys", "count_distinct_implementation")
    + ("data_type_default_nullable", "date_time_input_format", "date_time_output_format", "describe_compact_output")
    + ("describe_extend_object_types", "describe_include_subcolumns", "empty_result_for_aggregation_by_empty_set")
    + ("except_default_mode", "extremes", "final", "group_by_use_nulls", "intersect_default_mode")
    + ("join_default_strictness", "join_use_nulls", "prefer_column_name_to_alias", "result_overflow_mode")
    + ("session_timezone", "show_table_uuid_in_table_create_query_if_not_nil", "transform_null_in")
    + ("union_default_mode", "use_client_time_zone", "offset", "limit")
    + ("allow_suspicious_types_in_group_by", "allow_suspicious_types_in_order_by")
)
SETTING_PREFIXES = ("output_format_", "format_csv_", "format_custom_", "format_tsv_", "format_regexp_", "bool_")
SETTINGS_WITH_FILES = frozenset(("output_format_schema",))
# May be lowered.
LIMITS = frozenset(
    ("max_block_size", "max_bytes_to_read", "max_execution_time", "max_memory_usage", "max_result_bytes")
    + ("max_result_rows", "max_rows_to_group_by", "max_rows_to_read", "max_threads")
)
# In the address these are refused, as they change what a query gives; all others there, which only change how it is
# run, are dropped. In a SETTINGS clause whatever is not open is refused.
RESULT_SETTINGS = frozenset(
    ("additional_result_filter", "additional_table_filters", "apply_deleted_mask", "apply_mutations_on_fly")
    + ("apply_patch_parts", "compatibility", "dialect", "distinct_overflow_mode", "group_by_overflow_mode")
    + ("join_overflow_mode", "mutations_execute_nondeterministic_on_initiator", "parallel_replicas_custom_key")
    + ("polyglot_dialect", "read_overflow_mode", "read_overflow_mode_leaf", "set_overflow_mode", "sort_overflow_mode")
    + ("sql_compatibility", "timeout_overflow_mode", "timeout_overflow_mode_leaf", "transfer_overflow_mode")
)
# Taken and dropped: ours says whom to kill.
DROPPED_SETTINGS = frozenset(("log_comment", "use_query_cache", "enable_http_compression"))

# The nodes of a query's syntax tree that may stand anywhere in it.
NODES = frozenset(
    ("ArrayJoin", "Asterisk", "ColumnsApplyTransformer", "ColumnsExceptTransformer", "ColumnsListMatcher")
    + ("ColumnsRegexpMatcher", "ColumnsReplaceTransformer", "ColumnsReplaceTransformerReplacement")
    + ("ColumnsTransformerList", "ExpressionList", "Function", "Identifier", "InterpolateElement", "Literal")
    + ("OrderByElement", "QualifiedAsterisk", "QualifiedColumnsListMatcher", "QualifiedColumnsRegexpMatcher")
    + ("QueryParameter", "SampleRatio", "SelectIntersectExceptQuery", "SelectQuery", "SelectWithUnionQuery", "Subquery")
    + ("TableExpression", "TableIdentifier", "TableJoin", "TablesInSelectQuery", "TablesInSelectQueryElement")
    + ("WindowDefinition", "WindowListElement", "WithElement")
)

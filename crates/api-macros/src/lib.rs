#![doc = include_str!("../README.md")]

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, Ident, ItemFn, LitStr, Meta, Path, Token, parenthesized, parse_macro_input};

/// Method, path and own errors: `POST "/auth/login", errors(INCORRECT_LOGIN)`.
struct Declaration {
    method: Ident,
    path: LitStr,
    errors: Punctuated<Path, Token![,]>,
}

impl Parse for Declaration {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let (method, path) = (input.parse()?, input.parse()?);
        let mut errors = Punctuated::new();
        if input.parse::<Option<Token![,]>>()?.is_some() && !input.is_empty() {
            let keyword: Ident = input.parse()?;
            if keyword != "errors" {
                return Err(syn::Error::new(keyword.span(), "expected `errors(…)`"));
            }
            let list;
            parenthesized!(list in input);
            errors = list.parse_terminated(Path::parse, Token![,])?;
        }
        Ok(Self { method, path, errors })
    }
}

/// Declares the endpoint of a handler; see the documentation of the crate.
#[proc_macro_attribute]
pub fn endpoint(
    attribute: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    let declaration = parse_macro_input!(attribute as Declaration);
    let handler = parse_macro_input!(item as ItemFn);
    expand(&declaration, &handler).into()
}

fn expand(declaration: &Declaration, handler: &ItemFn) -> TokenStream {
    let Declaration { method, path, errors } = declaration;
    let (name, visibility) = (&handler.sig.ident, &handler.vis);
    let documentation = handler.attrs.iter().filter_map(doc_line);
    let errors = errors.iter();
    quote! {
        #[doc = "The endpoint of the handler of the same name."]
        #[expect(non_camel_case_types, reason = "it has the name of its handler")]
        #visibility struct #name {}

        impl #name {
            /// Returns the endpoint, for the URL table and the OpenAPI document.
            #visibility fn endpoint() -> crate::endpoint::Endpoint {
                crate::endpoint::Endpoint::new(
                    ::actix_web::http::Method::#method,
                    #path,
                    crate::endpoint::Documentation { id: stringify!(#name), lines: &[#(#documentation),*] },
                    &[#(&#errors),*],
                    #name,
                )
            }
        }

        #handler
    }
}

/// The text of one line of a doc comment.
fn doc_line(attribute: &Attribute) -> Option<&Expr> {
    match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => Some(&pair.value),
        _ => None,
    }
}

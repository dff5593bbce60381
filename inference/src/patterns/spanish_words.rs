//! Spanish: classes of words.

use super::lexicon::Class;

/// Words by class, in lower case.
pub(super) const CLASSES: &[(Class, &str)] = &[
    (
        Class::Function,
        "a el la los las un una unos unas yo tú tu ella nosotros ellos usted mi mis su sus nuestro nuestra y o pero porque \
         que si es soy eres somos son está estoy estás están fue era he ha han hay de del al en con por para sin sobre desde \
         hasta no sí ya muy más también cuando donde dónde como cómo quién qué cuál me te se le lo les nos este esta esto ese \
         eso aquí allí ahora hoy ayer mañana todo todos nunca siempre vivo trabajo tengo gusta encanta llamo voy hola gracias \
         año años",
    ),
    (Class::Speaker, "yo"),
    (Class::Us, "nosotros nosotras"),
    (Class::Addressee, "tú usted vos"),
    (Class::Third, "él ella"),
    (Class::Feminine, "ella"),
    (Class::Article, "un una unos unas algún alguna"),
    (Class::Definite, "el la los las"),
    (Class::My, "mi mis nuestro nuestra nuestros nuestras"),
    (Class::Your, "tu tus"),
    (Class::Pointing, "su sus este esta estos estas ese esa esos esas aquel aquella otro otra otros otras"),
    (
        Class::Stop,
        "pero porque pues desde cuando mientras si que quien cual donde como hasta antes después aunque o es soy son está \
         estoy era fue ni así entonces según excepto salvo jaja",
    ),
    (
        Class::Boundary,
        "pero porque pues cuando mientras donde aunque entonces sí no hola bueno vale oye también además ahora hoy jaja así \
         claro mira actualmente gracias",
    ),
    (Class::Inverts, "qué cuál cuáles quién quiénes cómo dónde cuándo cuánto cuántos como que"),
    (Class::Preposition, "en a al de del con para por sin sobre entre contra hacia desde hasta durante bajo tras"),
    (
        Class::Adverb,
        "también ahora actualmente aún todavía muy realmente verdaderamente simplemente solo sólo recientemente \
         finalmente bastante tan oficialmente originalmente bien",
    ),
    (Class::Hedge, "quizás quizá tal-vez probablemente posiblemente seguramente supuestamente aparentemente"),
    (Class::Unreal, "si ojalá imagina supongamos"),
    (Class::Trailing, "también ahora aquí allí mucho muchísimo bastante ya juntos más hoy mismo gracias verdad ahí"),
    (Class::Anymore, "más"),
    (Class::When, "cuando mientras hasta antes después"),
    (Class::Restricts, "que quien cual donde como"),
    (Class::For, "para"),
    (Class::Named, "llamado llamada llamados"),
    (
        Class::Pronoun,
        "yo tú él ella ellos ellas nosotros usted ustedes me te le les nos os lo eso esto aquello algo nada alguien nadie \
         todo ti mí conmigo contigo suyo mío tuyo su sus tu tus este esta esos estas ese esa",
    ),
    (
        Class::Vague,
        "eso esto algo nada todo cosa cosas idea ideas tema problema problemas pregunta preguntas verdad caso forma manera \
         mucho muchos muchas tanto más menos lo que qué como bien mal mismo misma otro otra uno uso gente",
    ),
    (
        Class::VagueVerb,
        "saber ser estar hacer tener ver decir preguntar poder probar usar dar ir pedir pensar creer llamar hablar seguir \
         poner intentar volver empezar dormir trabajar ayudar dejar",
    ),
    (Class::And, "y e"),
    (
        Class::Gathering,
        "conferencia taller reunión grupo clase curso concierto festival desfile fiesta boda feria convención exposición seminario \
         charla torneo competición evento club equipo banda coro orquesta gimnasio programa carrera maratón",
    ),
    (Class::Or, "o u"),
    (Class::But, "pero sino"),
    (Class::Says, "dice dijo dicen cuenta contó comenta comentó cree afirma"),
    (Class::That, "que"),
    (Class::Tag, "verdad no cierto vale"),
    (Class::Greeting, "hola gracias querido querida buenas buenos oye felicidades adiós"),
    (Class::Title, "sr sra srta dr dra don doña"),
    (Class::Abbreviation, "sr sra srta dr dra ud uds etc p.ej ee.uu"),
    (Class::Kindred, "mejor mayor menor pequeño pequeña gran viejo vieja nuevo nueva querido querida hermoso hermosa"),
    (
        Class::Pet,
        "perro perra perros gato gata gatos conejo conejos hámster loro tortuga tortugas caballo caballos cachorro cachorra \
         canario periquito hurón",
    ),
    (
        Class::Ownable,
        "coche carro auto moto motocicleta bicicleta bici casa piso apartamento departamento barco furgoneta portátil guitarra \
         piano violín cámara tienda restaurante negocio empresa finca huerto jardín tablet teléfono móvil",
    ),
    (
        Class::Workplace,
        "banco hospital escuela colegio universidad empresa restaurante cafetería biblioteca panadería clínica agencia estudio \
         museo tienda hotel fábrica laboratorio periódico revista farmacia gimnasio aeropuerto bar supermercado granja taller \
         oficina consultora instituto startup",
    ),
    (
        Class::Role,
        "ingeniero ingeniera programador programadora desarrollador desarrolladora profesor profesora maestro maestra enfermero \
         enfermera médico médica doctor doctora abogado abogada estudiante diseñador diseñadora artista escritor escritora \
         periodista fotógrafo fotógrafa músico cantante actor actriz pintor pintora cocinero cocinera camarero camarera contable \
         arquitecto arquitecta científico científica investigador investigadora consultor consultora analista bibliotecario \
         bibliotecaria psicólogo psicóloga dentista veterinario veterinaria farmacéutico piloto electricista fontanero carpintero \
         mecánico agricultor bombero policía traductor traductora editor editora poeta bailarín bailarina entrenador entrenadora \
         empresario empresaria biólogo bióloga químico física matemático economista historiador filósofo secretaria vendedor \
         vendedora conductor jubilado jubilada vegetariano vegetariana vegano vegana",
    ),
    (
        Class::Feeling,
        "feliz triste contento contenta enfadado enfadada cansado cansada nervioso nerviosa ansioso ansiosa emocionado emocionada \
         orgulloso orgullosa agradecido agradecida solo sola deprimido deprimida estresado estresada agobiado agobiada preocupado \
         preocupada asustado asustada frustrado frustrada decepcionado decepcionada celoso celosa aliviado aliviada tranquilo \
         tranquila aburrido aburrida",
    ),
    (
        Class::Language,
        "inglés español castellano francés alemán italiano portugués polaco ruso holandés neerlandés sueco noruego danés griego \
         turco árabe hebreo hindi chino japonés coreano ucraniano catalán euskera gallego latín",
    ),
    (Class::Fluency, "poco de algo fluido fluidamente perfectamente bien"),
    (
        Class::Instrument,
        "guitarra piano violín violonchelo batería bajo flauta clarinete saxofón trompeta acordeón arpa",
    ),
    (Class::Sport, "fútbol baloncesto tenis ajedrez golf voleibol balonmano hockey rugby pádel béisbol"),
    (
        Class::NoName,
        "lunes martes miércoles jueves viernes sábado domingo enero febrero marzo abril mayo junio julio agosto septiembre \
         octubre noviembre diciembre hola gracias sí no dios navidad internet",
    ),
];

/// Words of kin and company, by predicate.
pub(super) const RELATIONS: &[(&str, &str)] = &[
    ("sister", "hermana"),
    ("brother", "hermano"),
    ("mother", "madre mamá"),
    ("father", "padre papá"),
    ("son", "hijo"),
    ("daughter", "hija"),
    ("cousin", "primo prima"),
    ("partner", "pareja esposa esposo marido mujer novia novio prometida prometido"),
    ("friend", "amigo amiga"),
    ("colleague", "colega compañero compañera"),
    ("boss", "jefe jefa"),
    ("grandparent", "abuela abuelo"),
    ("uncle", "tío"),
    ("aunt", "tía"),
    ("nephew", "sobrino"),
    ("niece", "sobrina"),
    ("neighbour", "vecino vecina"),
];
